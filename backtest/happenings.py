"""What the outside did, in time order: signals, books, facts and resolutions of any number of sources, merged. Pure."""

import heapq
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import NamedTuple

from backtest.markets import Resolved
from shared.errors import Malformed
from shared.events import ActionableSignal
from shared.market import Book, MarketFacts

FOREVER_MS = 1 << 60

What = ActionableSignal | Book | MarketFacts | Resolved


class Happening(NamedTuple):
    """Something of the outside world, and when it became true (epoch milliseconds)."""

    at_ms: int
    what: What


def merged(sources: Iterable[Iterable[Happening]]) -> Iterator[Happening]:
    """Merge sources that are each in time order; equal times keep the order of the sources."""
    return heapq.merge(*sources, key=itemgetter(0))


def ordered(happenings: Iterable[Happening]) -> Iterator[Happening]:
    """Pass happenings on.

    Raises:
        Malformed: one is earlier than the one before: a run would look ahead without noticing.
    """
    last_ms = 0
    for happening in happenings:
        if happening.at_ms < last_ms:
            raise Malformed(f"out of order: {happening.at_ms} after {last_ms}; sort the history first")
        last_ms = happening.at_ms
        yield happening


class Ahead:
    """An iterator whose next item's time is known: `FOREVER_MS` at the end."""

    def __init__(self, happenings: Iterator[Happening]) -> None:
        self._happenings = happenings
        self._next = next(happenings, None)
        self.next_ms = self._next.at_ms if self._next else FOREVER_MS

    def take(self) -> Happening:
        """Return the next item."""
        taken = self._next
        if taken is None:
            raise StopIteration
        self._next = next(self._happenings, None)
        self.next_ms = self._next.at_ms if self._next else FOREVER_MS
        return taken
