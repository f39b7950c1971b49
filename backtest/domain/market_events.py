"""Events of the outside world, merged in time order: trades, trades taken back, books, facts and resolutions. Pure."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from backtest.domain.market_state import ResolvedMarket
from shared.domain.errors import Malformed
from shared.domain.market import Book, MarketFacts, Side
from shared.messages.signals import ActionableSignal, FillRetracted

FOREVER_MS = 1 << 60


class LeaderChange(NamedTuple):
    """Shares that came to a leader (BUY) or left him (SELL) without a trade, and what they cost or brought.

    A SPLIT is what its shares cost; a MERGE of an outcome that nobody traded here; a CONVERSION takes shares at their
    cost; a REDEEM without shares is collateral for shares whose origin nobody shows. Amounts in micro-units.
    """

    kind: Literal["SPLIT", "MERGE", "CONVERSION", "REDEEM"]
    leader: str
    condition_id: str
    outcome_index: int
    token_id: str
    side: Side
    shares: int
    usdc: int


What = ActionableSignal | FillRetracted | Book | MarketFacts | ResolvedMarket | LeaderChange


class MarketEvent(NamedTuple):
    """Something of the outside world, and when it became true (epoch milliseconds)."""

    at_ms: int
    what: What


def merged_events(sources: Iterable[Iterable[MarketEvent]]) -> Iterator[MarketEvent]:
    """Merge sources that are each in time order; equal times keep the order of the sources."""
    each = list(map(iter, sources))
    half = len(each) // 2
    if not half:
        return each[0] if each else iter(())
    return _merged(merged_events(each[:half]), merged_events(each[half:]))


def _merged(first: Iterator[MarketEvent], second: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
    """Merge two, a third of what `heapq.merge` takes where nearly all events are of one."""
    waiting = next(second, None)
    for event in first:
        while waiting is not None and waiting[0] < event[0]:
            yield waiting
            waiting = next(second, None)
        yield event
    if waiting is not None:
        yield waiting
        yield from second


class MergedAhead:
    """Market events whose next one's time is known: `FOREVER_MS` at the end.

    Raises:
        Malformed: one is earlier than the one before: a run would look ahead without noticing.
    """

    def __init__(self, market_events: Iterable[MarketEvent]) -> None:
        self._market_events = iter(market_events)
        self._next = next(self._market_events, None)
        self.next_ms = FOREVER_MS if self._next is None else self._next.at_ms

    def pop_next(self) -> MarketEvent:
        """Return the next item."""
        taken = self._next
        if taken is None:
            raise StopIteration
        coming = self._next = next(self._market_events, None)
        at_ms = FOREVER_MS if coming is None else coming[0]
        if at_ms < self.next_ms:
            raise _late(at_ms, self.next_ms)
        self.next_ms = at_ms
        return taken


def _late(at_ms: int, last_ms: int) -> Malformed:
    return Malformed(f"out of order: {at_ms} after {last_ms}; sort the history first")
