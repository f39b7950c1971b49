"""What docs/venue.md says of push feeds, the chain, the relayer and who may trade from where."""

import contextlib
import json
from collections.abc import Callable, Iterator

from ops.probe.belief import Belief, NothingToSee, demand
from ops.probe.upstreams import ProbedVenue
from shared.domain.errors import Rejected
from shared.polymarket.wire import market_channel, rtds
from shared.polymarket.wire.conditions import PAYOUT_DENOMINATOR, call_data, on_chain, read_word
from shared.polymarket.wire.endpoints import (
    CHAIN_ID,
    CONDITIONAL_TOKENS,
    CTF_EXCHANGE_V2,
    EXCHANGE_V3,
    NEG_RISK_CTF_EXCHANGE_V2,
)
from shared.polymarket.wire.parsing import as_object, read_flag, read_text
from shared.websocket import PushSocket, open_socket

_FRAMES = 20


def line_beliefs(venue: ProbedVenue) -> Iterator[Belief]:
    """Give each line of the page that a socket or the node can confirm."""
    yield Belief("4.1", "the first frame is a snapshot, and PING is answered by PONG", lambda: _market(venue))
    yield Belief("4.3", "PING is answered by an empty text", lambda: _rtds(venue))
    yield Belief("7.1", "three exchanges trade on Polygon", lambda: _exchanges(venue))
    yield Belief("7.3", "a resolved market has a payout denominator", lambda: _resolved(venue))
    yield Belief("7.5", "the relayer tells a wallet's nonce", lambda: _relayer(venue))
    yield Belief("3.7", "whether this address may trade is told", lambda: _place(venue))


def _market(venue: ProbedVenue) -> str:
    token = next((t for m in venue.open_markets for t in json.loads(m.get("clobTokenIds") or "[]")), "")

    def listen(feed: PushSocket) -> str:
        feed.send(market_channel.greeting_frame([token]))
        feed.send(market_channel.PING)
        heard = _frames(venue, feed, lambda frames: market_channel.PONG in frames and len(frames) > 1)
        data = [frame for frame in heard if frame != market_channel.PONG]
        demand(market_channel.PONG in heard, f"no PONG among {len(heard)} frames")
        kind = "an array" if "".join(data[:1]).startswith("[") else "an object"
        demand('"book"' in (data[0] if data else ""), f"the first frame is {data[:1]}")
        return f"{kind} with a book"

    return _over(venue, venue.found.buyer.clob_market_url, listen)


def _rtds(venue: ProbedVenue) -> str:
    def listen(feed: PushSocket) -> str:
        feed.send(rtds.SUBSCRIBE)
        feed.send(rtds.PING)
        heard = _frames(venue, feed, lambda frames: "" in frames)
        demand("" in heard, f"no empty text among {len(heard)} frames")
        return "as said"

    return _over(venue, venue.found.detector.rtds_url, listen)


def _over(venue: ProbedVenue, url: str, listen: Callable[[PushSocket], str]) -> str:
    with contextlib.closing(open_socket("probe", url, timeout_s=venue.ask.timeout_s)) as feed:
        return listen(feed)


def _frames(venue: ProbedVenue, feed: PushSocket, enough: Callable[[list[str]], bool]) -> list[str]:
    heard: list[str] = []
    ends = venue.ask.clock.monotonic() + venue.ask.timeout_s
    while not enough(heard) and len(heard) < _FRAMES and (left_s := ends - venue.ask.clock.monotonic()) > 0:
        frame = feed.receive(left_s)
        if frame is None:
            break
        heard.append(frame)
    return heard


def _exchanges(venue: ProbedVenue) -> str:
    chain = int(str(venue.node.ask("eth_chainId", [])), 16)
    demand(chain == CHAIN_ID, f"the node is on chain {chain}")
    bare = [each for each in (CTF_EXCHANGE_V2, NEG_RISK_CTF_EXCHANGE_V2, EXCHANGE_V3) if not venue.node.has_code(each)]
    demand(not bare, f"no code at {bare}")
    return f"code at each, head {venue.node.head()}"


def _resolved(venue: ProbedVenue) -> str:
    """Ask for markets that Gamma calls closed: those of Protocol V2 live elsewhere."""
    named = (read_text(market, "conditionId") for market in venue.ended_markets)
    condition = next((each for each in named if on_chain(each)), "")
    if not condition:
        raise NothingToSee("no ended market is on ConditionalTokens")
    asked = {"to": CONDITIONAL_TOKENS, "data": call_data(PAYOUT_DENOMINATOR, condition)}
    denominator = read_word(venue.node.ask("eth_call", [asked, "latest"]))
    demand(denominator > 0, f"0 for {condition}, which Gamma calls closed")
    return f"{denominator} for {condition[:10]}"


def _relayer(venue: ProbedVenue) -> str:
    try:
        answer = venue.get("relayer", "/v1/account/transactions/params", address=venue.wallet, type="WALLET")
    except Rejected as error:
        raise NothingToSee(str(error)) from error
    nonce = as_object(answer, "nonce").get("nonce")
    demand(nonce is not None, f"{sorted(as_object(answer, 'nonce'))}")
    return f"nonce {nonce}"


def _place(venue: ProbedVenue) -> str:
    said = as_object(venue.upstream("geoblock").get(""), "geoblock")
    demand("blocked" in said, f"it says {sorted(said)}")
    blocked = read_flag(said, "blocked", default=True)
    return f"{read_text(said, 'country') or 'a country'} is {'blocked' if blocked else 'not blocked'}"
