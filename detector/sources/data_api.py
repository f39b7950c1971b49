"""The Data API as a source: each leader's trades, oldest first, from a little before where we were."""

import contextlib
from collections.abc import Generator, Iterable
from dataclasses import replace

from detector.domain.fill_view import FillView
from detector.domain.page_walker import PageWalker, second_of
from detector.domain.source_port import Batch, Sink
from detector.leaders.watchlist import Watchlist
from detector.polling.cursors import CursorReader
from detector.sources.backfill import Backfill
from detector.sources.merge_outcomes import MergeOutcomes, spread_outcomes
from shared.clock import Clock
from shared.domain.errors import Rejected, Unavailable
from shared.polymarket.data_api import ActivityApi
from shared.polymarket.wire.leader_fills import FillReading, LeaderFill, no_later, read_activity
from shared.rate_limit.limits import GateLane

NAME = "data_api"
MOST_PAGES = 100
"""Pages of one poll: a leader with more to catch up on goes on in the next poll."""
FRESH_PAGES = 2
"""Pages a fresh poll reads before what is left becomes a gap."""
PIECE_PAGES = 5
"""Pages of a gap read in one go, so that others' pasts are read as well."""


class DataApiActivitySource:
    """Poll the activity feed of each leader; all leaders share the upstream's one gate (S1).

    A poll begins `overlap_s` before the leader's newest published trade, because rows may be indexed late (pitfall 2).
    Without a cursor it begins `backfill_s` ago, and that place is kept too: a leader who trades for the first time
    while we are down is not missed. With a `past`, new leaders and what a poll cannot read at once go in the gate's
    catch-up lane, beside the fresh polls. With `outcomes` it reads merges too, which nothing else shows.
    """

    name = NAME

    def __init__(
        self,
        api: ActivityApi,
        leaders: Watchlist | Iterable[str],
        cursors: CursorReader,
        *,
        clock: Clock,
        every_s: float,
        overlap_s: int,
        backfill_s: int,
        past: Backfill | None = None,
        outcomes: MergeOutcomes | None = None,
    ) -> None:
        self.every_s = every_s
        self._leaders = Watchlist.of(leaders)
        self._api, self._cursors, self._clock, self._past = api, cursors, clock, past
        self._overlap_s, self._backfill_s = overlap_s, backfill_s
        self._first: dict[str, int] = {}
        self._outcomes = outcomes

    @property
    def scopes(self) -> tuple[str, ...]:
        """List who is polled freshly."""
        return self._past.fresh_leaders() if self._past else self._leaders.addresses

    @property
    def late_scopes(self) -> tuple[str, ...]:
        """List whose past is still to be read: new leaders, then gaps, the oldest first."""
        return self._past.late_leaders() if self._past else ()

    def poll(self, scope: str, sink: Sink) -> None:
        """Read one leader's trades; each page is published before the next is asked for."""
        with _naming(scope):
            self._walk(scope, sink, GateLane.FRESH)

    def catch_up(self, scope: str, sink: Sink) -> None:
        """Read a new leader's first pages, or a piece of a gap.

        A new leader's cursor is set when all is read or left as a gap: until then it is nobody's to poll freshly.
        """
        with _naming(scope):
            if self._cursors.get(NAME, scope) is None:
                self._walk(scope, sink, GateLane.CATCHUP)
            else:
                self._read_gap(scope, sink)

    def _walk(self, leader: str, sink: Sink, lane: GateLane) -> None:
        start_s = self._start_s(leader)
        walk = PageWalker(start_s, exact_cursors=self._api.exact_cursors)
        read_to_s = start_s
        for number in range(MOST_PAGES):
            # Without a past of its own a long poll gives way after its first page, so that others' news go first.
            page_lane = lane if self._past or not number else GateLane.CATCHUP
            ready, batch = self._page(leader, walk, page_lane, start_s + self._overlap_s)
            self._hand_on_page(
                batch if lane is GateLane.FRESH or walk.done else replace(batch, cursors={}), ready, sink
            )
            read_to_s = max([read_to_s, *(second_of(fill) for fill in ready)])
            if walk.stuck:
                raise Unavailable(f"leader {leader}: more rows are promised, but no cursor leads to them")
            if walk.done:
                return
            if number + 1 == FRESH_PAGES and self._open_gap(leader, read_to_s):
                return

    def _read_gap(self, leader: str, sink: Sink) -> None:
        gap = self._past.oldest_gap(leader) if self._past else None
        if gap is None or self._past is None:
            return None
        walk = PageWalker(gap.low, exact_cursors=self._api.exact_cursors)
        low = gap.low
        for number in range(MOST_PAGES):
            ready, batch = self._page(leader, walk, GateLane.CATCHUP, 0)
            self._hand_on_page(batch, ready, sink)
            low = max([low, *(second_of(fill) for fill in ready)])
            if walk.stuck:
                raise Unavailable(f"leader {leader}: more rows are promised, but no cursor leads to them")
            if walk.done or low > gap.high:
                return self._past.close_gap(gap)
            self._past.read_to(gap, low)
            if number + 1 >= PIECE_PAGES and low > gap.low:
                return None
        return None

    def _page(
        self, leader: str, walk: PageWalker, lane: GateLane, floor_s: int
    ) -> tuple[tuple[LeaderFill, ...], Batch]:
        page = self._api.page(leader, walk.start_s, walk.cursor, lane)
        seen_at_ms = self._clock.now_ms()
        read = read_activity(page.rows, leader, self._api.names, merges=self._outcomes is not None)
        reading = no_later(read, seen_at_ms)
        ready = walk.add_page(reading.fills, page.next_cursor, has_more=page.has_more)
        batch = _batch(leader, ready, reading, seen_at_ms, floor_s)
        return ready, replace(batch, kept_ms=page.kept_ms) if page.kept_ms else batch

    def _hand_on_page(self, batch: Batch, ready: tuple[LeaderFill, ...], sink: Sink) -> None:
        """Hand on a page: trades at once, then merges, whose outcomes may have to be asked for; only then its cursor.

        Raises:
            TryAgain: they could not be asked for; the page is read again.
        """
        merged = [fill for fill in ready if fill.cause == "MERGE"]
        if not merged or self._outcomes is None:
            sink(batch)
            return
        # The trades now, their cursor not yet: should the merges fail, the page is read again.
        sink(replace(batch, cursors={}))
        fills, problems = spread_outcomes(merged, self._outcomes)
        view = FillView(NAME, self._clock.now_ms(), fills)
        sink(Batch(NAME, (), batch.cursors, problems=problems, merges=(view,)))

    def _open_gap(self, leader: str, read_to_s: int) -> bool:
        """Leave the rest to catch-up, unless it is short; the newest trade is the venue's word on what now is."""
        if self._past is None:
            return False
        newest = min(self._api.newest_s(leader, GateLane.FRESH) or 0, self._clock.now_ms() // 1000)
        high = newest - self._overlap_s
        if high - read_to_s < self._overlap_s:
            return False
        self._past.open_gap(leader, read_to_s, high)
        return True

    def _start_s(self, leader: str) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is not None:
            self._first.pop(leader, None)
            return max(1, cursor - self._overlap_s)
        if leader not in self._first:
            self._first[leader] = self._first_start_s(leader)
        return self._first[leader]

    def _first_start_s(self, leader: str) -> int:
        """Return where to begin without a cursor, but never after the leader's newest trade.

        Our clock may be ahead of the venue's (pitfall 14): what is newer than the newest trade of now is news.
        """
        wanted = self._clock.now_ms() // 1000 - self._backfill_s
        newest = self._api.newest_s(leader, GateLane.CATCHUP)
        return max(1, wanted if newest is None else min(wanted, newest + 1))


@contextlib.contextmanager
def _naming(leader: str) -> Generator[None]:
    """Say in a refusal whose feed was refused."""
    try:
        yield
    except Rejected as error:
        raise Rejected(f"leader {leader}: {error}", error.status) from error


def _batch(leader: str, ready: tuple[LeaderFill, ...], reading: FillReading, seen_at_ms: int, floor_s: int) -> Batch:
    """Return a page as a batch; its cursor never passes our clock, or what comes until then would not be looked for."""
    trades = tuple(fill for fill in ready if fill.cause == "TRADE")
    newest_s = max((second_of(fill) for fill in ready), default=floor_s)
    return Batch(
        source=NAME,
        views=(FillView(NAME, seen_at_ms, trades),) if trades else (),
        cursors={leader: min(newest_s, seen_at_ms // 1000)},
        rows=reading.rows,
        skipped=reading.skipped,
        problems=reading.problems,
    )
