"""The nodes of pending transactions: is each there, of Polygon, and in which ways does it show them?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ops.setup.checks.sockets import look_at_socket
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from shared.domain.errors import Unavailable
from shared.polymarket.wire.matches.node_frames import (
    WAYS,
    ChainTold,
    NodeWord,
    PendingHash,
    RefusedWay,
    StandingWay,
    Way,
    chain_question,
    is_polygon,
    read_word,
    subscription,
)
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction
from shared.websocket import PushSocket

SETTING = "PENDING_URLS"
_OTHER_NODE = f"Name another node in {SETTING}; docs/pending.md says which show pending transactions"
_HASHES_FIX = "It works, a little later; a node that shows whole transactions, or filters them, is quicker"
_MUTE_FIX = "Wait for a trade and ask again; where it stays so, its plan may not hold pending transactions"


@dataclass
class _Heard:
    """What a node has said so far."""

    offered: set[Way] = field(default_factory=set[Way])
    refused: dict[Way, str] = field(default_factory=dict[Way, str])
    chain: ChainTold | None = None
    first_after_s: float | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is left to hear: every question is answered, and a transaction came if one can."""
        answered = len(self.offered) + len(self.refused) == len(WAYS) and self.chain is not None
        return answered and (self.first_after_s is not None or not self.offered)

    def take(self, word: NodeWord | None, after_s: float) -> None:
        """Note one word."""
        match word:
            case StandingWay():
                self.offered.add(word.way)
            case RefusedWay(way=str() as way):
                self.refused[way] = word.why
            case ChainTold():
                self.chain = word
            case NodeTransaction() | PendingHash():
                self.first_after_s = after_s if self.first_after_s is None else self.first_after_s
            case _:
                pass


def look_at_pending(name: str, url: str, ask: VenueAsk) -> Sequence[CheckLine]:
    """Say how one node of pending transactions stands."""
    return look_at_socket(name, SETTING, url, ask, lambda feed, ask: hear_pending(name, feed, ask))


def hear_pending(name: str, feed: PushSocket, ask: VenueAsk) -> CheckLine:
    """Ask for pending transactions in every way, and judge what comes."""
    return _judged(name, _heard(name, feed, ask), ask)


def _heard(name: str, feed: PushSocket, ask: VenueAsk) -> _Heard:
    clock, began, heard = ask.clock, ask.clock.monotonic(), _Heard()
    for question in (chain_question(), *map(subscription, WAYS)):
        feed.send(question)
    spoke = False
    while not heard.is_whole and (left_s := began + ask.timeout_s - clock.monotonic()) > 0:
        frame = feed.receive(left_s)
        if frame is None:
            break
        spoke = True
        heard.take(read_word(frame), clock.monotonic() - began)
    if not spoke:
        raise Unavailable(f"{name}: open, and not a word within {ask.timeout_s:g} s")
    return heard


def _judged(name: str, heard: _Heard, ask: VenueAsk) -> CheckLine:
    if heard.chain and not is_polygon(heard.chain):
        return failed(name, f"it is a node of chain {heard.chain.chain_id}, not of Polygon", _OTHER_NODE)
    if not heard.offered:
        why = next(iter(heard.refused.values()), "it does not say why")
        return failed(name, f"it shows no pending transactions: {why}", _OTHER_NODE)
    ways = "offers " + " and ".join(way for way in WAYS if way in heard.offered)
    if heard.first_after_s is None:
        return warned(name, f"{ways}, and showed nothing within {ask.timeout_s:g} s", _MUTE_FIX)
    found = f"{ways}; the first transaction came after {heard.first_after_s:.1f} s"
    return warned(name, found, _HASHES_FIX) if heard.offered == {"hashes"} else passed(name, found)
