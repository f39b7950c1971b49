"""The last purchases: what the buy of a signal got, as the decisions on the stream and the ends of their orders say."""

from typing import cast

from msgspec import Struct
from redis import Redis

from buyer.domain.order_states import is_provisional
from shared.domain.money import Shares
from shared.messages.base import DECISIONS
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.events import read_event
from shared.redis.client import answering

AT_ONCE, MOST = 1000, 50_000
"""Entries that are read in one go, newest first, and altogether: a retraction comes minutes after its signal."""
_ENDED = frozenset({"CONFIRMED", "FAILED", "CANCELLED"})

Row = tuple[str, dict[str, str]]


class Purchase(Struct, frozen=True, gc=False):
    """What a signal's buy got; while it is `pending` its trades can still fail."""

    shares: Shares
    pending: bool


class RecentPurchases:
    """Reads the end of a stream of decisions anew each time; of one mode, since paper and live share it."""

    def __init__(self, redis: Redis, mode: str, stream: str = DECISIONS) -> None:
        self._redis, self._mode, self._stream = redis, mode, stream

    def find(self, signal_id: str) -> Purchase | None:
        """Return what was bought because of a signal; None where no decision of it is among the last.

        Raises:
            Unavailable: the server is away; ask again.
        """
        newest, read = "+", 0
        while read < MOST and (rows := self._page(newest)):
            for text in (fields.get("json", "") for _, fields in rows):
                found = _told(text, signal_id, self._mode) if signal_id in text else None
                if found is not None:
                    return found
            newest, read = f"({rows[-1][0]}", read + len(rows)
        return None

    def _page(self, newest: str) -> list[Row]:
        with answering(self._redis):
            return cast("list[Row]", self._redis.xrevrange(self._stream, max=newest, count=AT_ONCE))


def _told(text: str, signal_id: str, mode: str) -> Purchase | None:
    """Return what an entry tells of a signal's buy: the end of its order, which is the newer one, or its decision."""
    event = read_event(text)
    if not isinstance(event, OrderUpdate | BuyEngineDecision) or (event.signal_id, event.mode) != (signal_id, mode):
        return None
    order, outcome = event.order, event.outcome
    if isinstance(event, OrderUpdate) and event.state not in _ENDED:
        return None
    if order is None or outcome is None or order.side != "BUY":
        return Purchase(Shares(0), pending=False)
    return Purchase(outcome.shares, is_provisional(mode, outcome))
