"""The Data API as a source: each leader's trades, oldest first, from a little before where we were."""

from detector.cursors import Cursors
from detector.sources.port import Batch, Sink, View
from detector.sources.walk import Walk, second
from shared.clock import Clock
from shared.errors import Rejected, Unavailable
from shared.gate_limits import Lane
from shared.polymarket.data_api import ActivityApi
from shared.polymarket.fills import LeaderFill, Reading, read_activity

NAME = "data_api"
MOST_PAGES = 100
"""Pages of one poll: a leader with more to catch up on goes on in its next turn."""


class DataApiSource:
    """Poll the activity feed of each leader; all leaders share the upstream's one gate (S1).

    A poll begins `overlap_s` before the leader's newest published trade, because rows may be indexed late (trap 2).
    Without a cursor it begins `backfill_s` ago, and that place is kept too: a leader who trades for the first time
    while we are down is not missed.
    """

    name = NAME

    def __init__(
        self,
        api: ActivityApi,
        leaders: tuple[str, ...],
        cursors: Cursors,
        *,
        clock: Clock,
        every_s: float,
        overlap_s: int,
        backfill_s: int,
    ) -> None:
        self.scopes = leaders
        self.every_s = every_s
        self._api, self._cursors, self._clock = api, cursors, clock
        self._overlap_s, self._backfill_s = overlap_s, backfill_s
        self._first: dict[str, int] = {}

    def poll(self, scope: str, sink: Sink) -> None:
        """Read one leader's trades; each page is published before the next is asked for."""
        try:
            self._walk(scope, sink)
        except Rejected as error:
            raise Rejected(f"leader {scope}: {error}", error.status) from error

    def _walk(self, leader: str, sink: Sink) -> None:
        start_s = self._start_s(leader)
        walk = Walk(start_s, exact_cursors=self._api.exact_cursors)
        for number in range(MOST_PAGES):
            page = self._api.page(leader, walk.start_s, walk.cursor, Lane.CATCHUP if number else Lane.FRESH)
            seen_at_ms = self._clock.now_ms()
            reading = read_activity(page.rows, leader, self._api.names)
            ready = walk.take(reading.fills, page.next_cursor, has_more=page.has_more)
            sink(_batch(leader, ready, reading, seen_at_ms, start_s + self._overlap_s))
            if walk.stuck:
                raise Unavailable(f"leader {leader}: more rows are promised, but no cursor leads to them")
            if walk.done:
                return

    def _start_s(self, leader: str) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is not None:
            return max(1, cursor - self._overlap_s)
        if leader not in self._first:
            self._first[leader] = self._first_start_s(leader)
        return self._first[leader]

    def _first_start_s(self, leader: str) -> int:
        """Return where to begin without a cursor, but never after the leader's newest trade.

        Our clock may be ahead of the venue's (trap 14): what is newer than the newest trade of now is news.
        """
        wanted = self._clock.now_ms() // 1000 - self._backfill_s
        newest = self._api.newest_s(leader, Lane.CATCHUP)
        return max(1, wanted if newest is None else min(wanted, newest + 1))


def _batch(leader: str, ready: tuple[LeaderFill, ...], reading: Reading, seen_at_ms: int, floor_s: int) -> Batch:
    return Batch(
        source=NAME,
        views=(View(NAME, seen_at_ms, ready),) if ready else (),
        cursors={leader: max((second(fill) for fill in ready), default=floor_s)},
        rows=reading.rows,
        skipped=reading.skipped,
        problems=reading.problems,
    )
