"""A wallet's rows as the venue pages them, read to their end or not at all; what cannot be read is counted."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import TypeVar

from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.json_rows import venue_row
from backtest.history.reading.row_counts import RowCounts
from detector.domain.page_walker import PageWalker
from shared.clock import Clock
from shared.domain.errors import Malformed, TryAgain, Unavailable
from shared.polymarket.data_api import ActivityApi
from shared.polymarket.wire.leader_fills import V2_NAMES, LeaderFill, NotTrade, read_activity
from shared.polymarket.wire.parsing import as_object
from shared.rate_limit.limits import GateLane

T = TypeVar("T")
REST_S = 1.0
"""Between two requests: a stranger's pace, far below what the venue allows."""
TRIES = 5


@dataclass(frozen=True)
class ReadingPace:
    """How the venue is asked: a rest between two requests, patience while it is busy; `stop` ends both."""

    clock: Clock
    rest_s: float = REST_S
    stop: threading.Event = field(default_factory=threading.Event)

    def rest(self) -> None:
        """Rest before the next request."""
        self.clock.wait(self.stop, self.rest_s)

    def patiently(self, asked: Callable[[], T]) -> T:
        """Ask again while the venue is busy, later each time.

        Raises:
            TryAgain, Malformed: it still is, or it is time to stop.
        """
        for tries in range(1, TRIES):
            try:
                return asked()
            except (TryAgain, Malformed):
                if self.stop.is_set():
                    raise
                self.clock.wait(self.stop, 2.0**tries)
        return asked()


def trades(
    api: ActivityApi, leader: str, start_s: int, pace: ReadingPace, counts: RowCounts | None = None
) -> Iterator[LeaderFill]:
    """Yield a leader's trades from a second on, oldest first, at a stranger's pace.

    Raises:
        TryAgain: the venue does not answer, or promises more rows to which no cursor leads.
    """
    counts = counts or RowCounts("")
    walk = PageWalker(max(1, start_s), exact_cursors=api.exact_cursors)
    while not walk.done:
        page = pace.patiently(lambda: api.page(leader, walk.start_s, walk.cursor, GateLane.CATCHUP))
        read = read_activity(page.rows, leader, api.names)
        for problem in read.problems:
            _leave_out(counts, problem)
        for fill in walk.add_page(tuple(read.fills), page.next_cursor, has_more=page.has_more):
            counts.rows += 1
            counts.use(fill.cause)
            yield fill
        if walk.stuck:
            raise _no_way_on(leader)
        if not walk.done:
            pace.rest()


def other_rows(api: ActivityApi, leader: str, start_s: int, pace: ReadingPace, counts: RowCounts) -> list[HistoryRow]:
    """Return what came to a leader or left him without a trade, in the order of its time.

    Where a cursor is missing or comes again, reading begins anew at the newest second read, as with trades.

    Raises:
        TryAgain: as `trades` does.
    """
    found, start_s, cursor, used = list[HistoryRow](), max(1, start_s), "", {""}
    while True:
        page = pace.patiently(partial(api.page, leader, start_s, cursor, GateLane.CATCHUP))
        found += _readable(page.rows, leader, counts)
        if not page.has_more:
            break
        cursor = "" if page.next_cursor in used else page.next_cursor
        if not cursor:
            newest_s = max((row.traded_ms // 1000 for row in found), default=start_s)
            if newest_s <= start_s:
                raise _no_way_on(leader)
            found = [row for row in found if row.traded_ms // 1000 < newest_s]
            start_s, used = newest_s, {""}
        used.add(cursor)
        pace.rest()
    for row in found:
        counts.rows += 1
        counts.use(row.kind)
    return sorted(found, key=itemgetter(0))


def _no_way_on(leader: str) -> Unavailable:
    return Unavailable(f"wallet {leader}: more rows are promised, but no cursor leads to them; ask again later")


def _readable(rows: Sequence[object], leader: str, counts: RowCounts) -> Iterator[HistoryRow]:
    for row in rows:
        try:
            yield venue_row(as_object(row, "row"), V2_NAMES, leader)
        except NotTrade as reason:
            counts.rows += 1
            counts.kinds[str(reason)] += 1
        except Malformed as error:
            _leave_out(counts, str(error))


def _leave_out(counts: RowCounts, why: str) -> None:
    counts.rows += 1
    counts.leave_out(why)
