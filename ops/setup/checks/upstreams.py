"""The venue's HTTP services: the way there, whether the answer is what we need, how long it took, how fresh it is."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.setup.line_probe import probe_line
from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing, HybridError, Malformed, RateLimited, Rejected
from shared.domain.exit_codes import DEPENDENCY_MISSING, REFUSED_FOR_SAFETY, exit_code
from shared.http.client import Upstream
from shared.polymarket.clob import fetch_book
from shared.polymarket.gamma import parse_markets
from shared.polymarket.subgraph import OrderbookSubgraph
from shared.polymarket.wire.parsing import as_list, as_object, read_flag, read_text
from shared.polymarket.wire.venue_times import read_moment_ms
from shared.rate_limit.limits import GateLane

SLOW_S = 2.0
OLD_ANSWER_S = 60.0
BEHIND_S = 60.0
SKEW_WARN_S, SKEW_FAIL_S = 2.0, 30.0
"""MAX_CLOCK_SKEW_S mistrusts trades that lie 30 s in our future; TIME_SKEW of signed requests is smaller."""
_THROTTLED = (
    "Other programs share this address's budget: wait, or lower the rates (DATA_API_RATE_PER_S, RPC_RATE_PER_S)"
)


@dataclass(frozen=True)
class VenueAsk:
    """How checks ask: by our clock, and with so much patience."""

    clock: Clock
    timeout_s: float

    def upstream(self, name: str, url: str) -> Upstream:
        """Return an upstream without a gate: each check asks a few times only."""
        return Upstream(name, url, [], clock=self.clock, stop=threading.Event(), timeout_s=self.timeout_s)


def look_at_upstream(
    name: str, setting: str, url: str, ask: VenueAsk, about: Callable[[Upstream], Sequence[str]]
) -> Sequence[CheckLine]:
    """Say how one service stands; `about` asks it, and returns what is doubtful in its answer with the fix behind `; `.

    The first of them is what an answer in order says.
    """
    try:
        words = probe_line(url, ask.clock, ask.timeout_s).words
    except DependencyMissing as error:
        said, _, fix = str(error).rpartition("; ")
        return [failed(name, f"{setting}: {said}", fix)]
    upstream = ask.upstream(name, url)
    try:
        began = ask.clock.monotonic()
        found, *doubts = about(upstream)
        took_s = ask.clock.monotonic() - began
    except HybridError as error:
        return [refused(name, setting, error)]
    finally:
        upstream.close()
    found = f"{found} ({words}, answer {took_s * 1000:.0f} ms)"
    if took_s > SLOW_S:
        doubts.append(f"slow: {found}; Signals get old while it thinks: ask from nearer, or another {setting}")
    lines = [warned(name, *doubt.rsplit("; ", 1)) for doubt in doubts]
    return lines or [passed(name, found)]


def refused(name: str, setting: str, error: HybridError) -> CheckLine:
    """Return the line of a service whose answer was none."""
    code = exit_code(error)
    if isinstance(error, RateLimited):
        return warned(name, str(error), _THROTTLED)
    if isinstance(error, Rejected):
        return failed(name, str(error), f"It refuses us: is {setting} right, and may this address ask it?")
    if isinstance(error, Malformed):
        return failed(name, str(error), f"This is not what the service says: is {setting} right? Else ask again")
    if isinstance(error, BadConfig):
        return failed(name, str(error), f"Correct {setting}", code)
    return failed(
        name, str(error), f"Ask again in a minute; where it stays away, look at {setting}", DEPENDENCY_MISSING
    )


def data_api_words(upstream: Upstream, clock: Clock) -> list[str]:
    """Return how fresh the feed of activity is."""
    raw = as_object(as_object(upstream.get("/v2/status"), "status").get("data"), "status")
    computed_ms = read_moment_ms(raw.get("computed_at"))
    serving = as_object(raw.get("serving"), "serving")
    age_s, lag_s = (clock.now_ms() - computed_ms) / 1000, float(read_text(serving, "lag_seconds") or 0)
    words = [f"the feed is {lag_s:.1f} s behind the chain"]
    if abs(age_s) > OLD_ANSWER_S:
        words.append(f"its answer is {age_s:.0f} s old; A cache on the way hides trades: the chain's logs show them")
    if lag_s > BEHIND_S:
        words.append(f"the feed is {lag_s:.0f} s behind the chain; Wait: other sources show trades meanwhile")
    return words


def gamma_words(upstream: Upstream) -> list[str]:
    """Return whether market facts can be read."""
    return [f"market facts can be read ({open_market(upstream)[1]})"]


def open_market(gamma: Upstream) -> tuple[str, str]:
    """Return an outcome token that trades now, and its market's slug.

    Raises:
        TryAgain, GiveUp: nobody tells one.
    """
    rows = as_list(gamma.get("/markets", {"closed": "false", "limit": 20}), "markets")
    for row in rows:
        facts, _unread = parse_markets([row])
        if facts and facts[0].accepting_orders:
            return facts[0].token_id, facts[0].slug
    raise Malformed(f"none of {len(rows)} open markets takes orders")


def clob_words(clob: Upstream, gamma: Upstream, clock: Clock) -> list[str]:
    """Return whether a book can be read and believed."""
    try:
        token_id, slug = open_market(gamma)
    except HybridError:
        clob.get("/time")
        return ["it answers; no book was asked for, as Gamma names no market"]
    book = fetch_book(clob, token_id, clock)
    if not (book.bids and book.asks):
        return ["", f"the book of {slug} lacks a side; Orders wait until books fill: nothing is bought blindly"]
    if book.bids[0].price >= book.asks[0].price:
        return ["", f"the book of {slug} is crossed; It is asked for anew before it is used: wait"]
    return [f"the book of {slug} can be read"]


def skew_lines(clob: Upstream, clock: Clock) -> Sequence[CheckLine]:
    """Compare this machine's clock with the venue's."""
    began = clock.now_ms()
    theirs_s = int(str(clob.get("/time")))
    ours_s = (began + clock.now_ms()) / 2000
    skew_s = ours_s - theirs_s - 0.5  # it tells whole seconds
    found = f"this machine's clock is {skew_s:+.1f} s from the venue's, which tells whole seconds"
    fix = "Set it: timedatectl set-ntp true (or chrony); ages of signals go by it"
    if abs(skew_s) > SKEW_FAIL_S:
        return [failed("clock", found, fix, REFUSED_FOR_SAFETY)]
    return [warned("clock", found, fix) if abs(skew_s) > SKEW_WARN_S else passed("clock", found)]


def region_lines(site: Upstream, *, live: bool) -> Sequence[CheckLine]:
    """Ask where the venue sees us, and whether it lets us trade."""
    said = as_object(site.get(""), "geoblock")
    place = f"{read_text(said, 'country') or '?'} {read_text(said, 'region')}".rstrip()
    if "blocked" not in said:
        raise Malformed("the answer does not say whether trading is blocked")
    if not read_flag(said, "blocked", default=True):
        return [passed("region", f"trading is allowed from {place}")]
    fix = "Trading is not allowed from here, and nothing in this program gets around that; paper goes on"
    found = f"trading is blocked from {place}"
    return [failed("region", found, fix, REFUSED_FOR_SAFETY) if live else warned("region", found, fix)]


def subgraph_words(upstream: Upstream, leader: str) -> list[str]:
    """Return whether the subgraph can be used."""
    page = OrderbookSubgraph(upstream, 1).filled([leader], 0, "", GateLane.CATCHUP)
    return [f"indexed up to {page.indexed_s}, epoch seconds"]


def reached_words(upstream: Upstream) -> list[str]:
    """Return that a service answers at all, whatever it says to a stranger."""
    answer: Any = upstream.send(upstream.request("GET", "/"))
    if answer.is_fault:
        raise DependencyMissing(f"{upstream.name} answers {answer.status}")
    return ["it answers"]
