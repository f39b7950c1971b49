"""The venue's push feeds: do they open, take what we ask for, and bring something new?"""

import contextlib
from collections.abc import Callable, Sequence

from ops.setup.checks.upstreams import VenueAsk, open_market, refused
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.setup.line_probe import probe_line
from shared.domain.errors import DependencyMissing, HybridError, Malformed, Unavailable
from shared.polymarket.wire import market_channel, rtds
from shared.websocket import PushSocket, open_socket

LATE_S = 15.0
_MUTE_FIX = "The Data API and the chain's logs show trades meanwhile; where it stays mute, a proxy may hold it back"


def look_at_socket(
    name: str, setting: str, url: str, ask: VenueAsk, listen: Callable[[PushSocket, VenueAsk], CheckLine]
) -> Sequence[CheckLine]:
    """Open a feed, let `listen` judge what it brings, and close it."""
    try:
        words = probe_line(url, ask.clock, ask.timeout_s).words
    except DependencyMissing as error:
        said, _, fix = str(error).rpartition("; ")
        return [failed(name, f"{setting}: {said}", fix)]
    try:
        with contextlib.closing(open_socket(name, url, timeout_s=ask.timeout_s)) as feed:
            line = listen(feed, ask)
    except HybridError as error:
        return [refused(name, setting, error)]
    return [passed(name, f"{line.found} ({words})") if line.state == "ok" else line]


def opens(_feed: PushSocket, _ask: VenueAsk) -> CheckLine:
    """Say that it opens: what it brings is for our own orders alone."""
    return passed("orders feed", "it opens")


def hear_trades(feed: PushSocket, ask: VenueAsk) -> CheckLine:
    """Ask for all trades, and judge the first that comes: a pong alone proves nothing."""
    name, clock, began = "trades feed", ask.clock, ask.clock.monotonic()
    feed.send(rtds.SUBSCRIBE)
    feed.send(rtds.PING)
    answered = False
    while (left_s := began + ask.timeout_s - clock.monotonic()) > 0:
        frame = feed.receive(left_s)
        if frame is None:
            break
        answered = True
        if (pushed := rtds.read_frame(frame)) is not None:
            return _fresh(name, (clock.now_ms() - pushed.traded_at_ms) / 1000, clock.monotonic() - began)
    if not answered:
        raise Unavailable(f"{name}: open, and not a word within {ask.timeout_s:g} s")
    return warned(name, f"open, and mute: it answers pings and brought no trade within {ask.timeout_s:g} s", _MUTE_FIX)


def _fresh(name: str, age_s: float, took_s: float) -> CheckLine:
    found = f"the first trade came after {took_s:.1f} s and was {age_s:.1f} s old"
    return warned(name, found, "It is late: other sources are quicker now") if age_s > LATE_S else passed(name, found)


def hear_book(gamma_url: str) -> Callable[[PushSocket, VenueAsk], CheckLine]:
    """Return what subscribes to a market's book, and judges the snapshot."""

    def listen(feed: PushSocket, ask: VenueAsk) -> CheckLine:
        name, clock, token_id = "books feed", ask.clock, _some_token(ask, gamma_url)
        feed.send(market_channel.greeting_frame([token_id] if token_id else []))
        feed.send(market_channel.PING)
        heard, ends = set[str](), clock.monotonic() + ask.timeout_s
        while (left_s := ends - clock.monotonic()) > 0 and (frame := feed.receive(left_s)) is not None:
            heard.add("a pong" if frame == market_channel.PONG else _kind(frame))
            if "a book" in heard or (not token_id and heard):
                return passed(
                    name, "a book came at once" if token_id else "it answers; Gamma names no market to ask of"
                )
        if heard:
            return warned(
                name, f"it answers {' and '.join(sorted(heard))}, but no book within {ask.timeout_s:g} s", _MUTE_FIX
            )
        raise Unavailable(f"{name}: open, and not a word within {ask.timeout_s:g} s")

    return listen


def _some_token(ask: VenueAsk, gamma_url: str) -> str:
    gamma = ask.upstream("gamma", gamma_url)
    try:
        return open_market(gamma)[0]
    except HybridError:
        return ""
    finally:
        gamma.close()


def _kind(frame: str) -> str:
    try:
        messages = market_channel.read_frame(frame)
    except Malformed:
        return "what cannot be read"
    return "a book" if any(isinstance(one, market_channel.BookSnapshot) for one in messages) else "other messages"
