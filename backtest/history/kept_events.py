"""Market events that are read once and passed on as often as wanted: the first at hand, the rest from a file.

A value at hand takes about a kilobyte for each trade and many for each book, pickled a third of that; back from its
pickle it comes several times faster than a row is decoded, sorted and grouped.
"""

import pickle
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from backtest.domain.market_events import MarketEvent
from backtest.simulation.gc_pause import few_collections

AT_HAND_BYTES = 100 << 20
"""What is kept at hand, weighed as pickled: 280,000 trades of a CSV, 300 MB of memory; all else is in the file."""
BATCH = 1000
_WEIGHED = 20
"""One event of so many is pickled to weigh them all."""


class KeptEvents:
    """All of a history; each iteration begins at its first event, and several may be under way at once.

    The file has no name and is gone with the process, however that ends.
    """

    def __init__(self, market_events: Iterable[MarketEvent], at_hand_bytes: int = AT_HAND_BYTES) -> None:
        """Read `market_events` to their end.

        Raises:
            Malformed: as reading them does.
        """
        coming = iter(market_events)
        self._at_hand: list[MarketEvent] = []
        self._places: list[int] = []
        weight = 0
        with few_collections():
            while weight < at_hand_bytes and (batch := list(islice(coming, BATCH))):
                self._at_hand += batch
                weight += _weight(batch)
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this
            weakref.finalize(self, self._file.close)
            while batch := list(islice(coming, BATCH)):
                self._places.append(self._file.tell())
                pickle.dump(batch, self._file, pickle.HIGHEST_PROTOCOL)

    def __iter__(self) -> Iterator[MarketEvent]:
        """Return all events in their order."""
        return chain(self._at_hand, chain.from_iterable(map(self._batch, self._places)))

    def _batch(self, place: int) -> list[MarketEvent]:
        self._file.seek(place)
        return pickle.load(self._file)  # noqa: S301 - our own, from a file that nobody else can open


def _weight(batch: Sequence[MarketEvent]) -> int:
    return _WEIGHED * len(pickle.dumps(batch[::_WEIGHED], pickle.HIGHEST_PROTOCOL))
