"""A source's backfill: the leaders polled freshly, and those whose past is still to be read."""

import threading

from detector.leaders.watchlist import Watchlist
from detector.polling.backfill_gaps import BackfillGap, BackfillGaps
from detector.polling.cursors import CursorStore


class Backfill:
    """The two lists follow the leaders: those just taken over come with their cursors and gaps from Redis."""

    def __init__(self, source: str, leaders: Watchlist, cursors: CursorStore, gaps: BackfillGaps) -> None:
        self._source, self._leaders, self._cursors, self._gaps = source, leaders, cursors, gaps
        self._lock = threading.Lock()
        self._version = -1
        self._fresh: tuple[str, ...] = ()
        self._new: tuple[str, ...] = ()

    def fresh_leaders(self) -> tuple[str, ...]:
        """List leaders with a cursor.

        Raises:
            Unavailable: the server is away; ask again.
        """
        with self._lock:
            self._refresh_lists()
            return self._fresh

    def late_leaders(self) -> tuple[str, ...]:
        """List leaders without a cursor, then those with a gap, the oldest first.

        Raises:
            Unavailable: the server is away; ask again.
        """
        with self._lock:
            self._refresh_lists()
            return (*self._new, *self._gaps.leaders_behind())

    def oldest_gap(self, leader: str) -> BackfillGap | None:
        """Return a leader's oldest gap."""
        return self._gaps.oldest_gap(leader)

    def open_gap(self, leader: str, low_s: int, high_s: int) -> None:
        """Leave what lies between to catch-up; the next fresh poll begins at the end of it."""
        self._gaps.open_gap(BackfillGap(leader, low_s, high_s))

    def read_to(self, gap: BackfillGap, low_s: int) -> None:
        """Remember how far a gap is published."""
        self._gaps.read_to(gap, low_s)

    def close_gap(self, gap: BackfillGap) -> None:
        """Forget a gap that is published whole."""
        self._gaps.close_gap(gap)

    def _refresh_lists(self) -> None:
        watched = self._leaders.now
        if watched.version != self._version:
            self._cursors.load(self._source, watched.addresses)
            self._gaps.load(watched.members)
            self._split_leaders(watched.addresses)
            self._version = watched.version
        # A new leader's first pages are read: from now on it is polled freshly.
        elif self._new and any(self._has_cursor(leader) for leader in self._new):
            self._split_leaders(watched.addresses)

    def _split_leaders(self, leaders: tuple[str, ...]) -> None:
        self._fresh = tuple(leader for leader in leaders if self._has_cursor(leader))
        self._new = tuple(leader for leader in leaders if not self._has_cursor(leader))

    def _has_cursor(self, leader: str) -> bool:
        return self._cursors.get(self._source, leader) is not None
