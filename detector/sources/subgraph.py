"""The orderbook subgraph as a source: complete, and off by default, because it sees V1's exchanges only.

They stopped on 2026-04-28: since then it answers, healthy, and has no rows (pitfall 9). It serves history and any
endpoint of the same schema that somebody points `SUBGRAPH_URL` at.
"""

from collections.abc import Iterable

from detector.domain.fill_view import FillView
from detector.domain.source_port import Batch, Sink
from detector.leaders.watchlist import Watchlist
from detector.polling.cursors import CursorReader
from shared.clock import Clock
from shared.domain.errors import Malformed
from shared.polymarket.subgraph import OrderbookSubgraph
from shared.polymarket.wire.leader_fills import FillReading, LeaderFill, no_later, only_of, read_subgraph

NAME = "subgraph"
LEADERS_AT_ONCE = 100
"""Leaders asked for in one query."""
MOST_PAGES = 200
_GROUP = "leaders-"


class OrderbookSubgraphSource:
    """Poll `orderFilledEvents` of all leaders, in order of ids, which no insertion shifts.

    Ids begin with the transaction, so a page that is full keeps its last transaction back for the next: each is seen
    whole. A poll begins `overlap_s` before the block that was indexed last time.
    """

    name = NAME

    def __init__(
        self,
        orderbook: OrderbookSubgraph,
        leaders: Watchlist | Iterable[str],
        cursors: CursorReader,
        *,
        clock: Clock,
        every_s: float,
        overlap_s: int,
        backfill_s: int,
        leaders_at_once: int = LEADERS_AT_ONCE,
    ) -> None:
        self.every_s = every_s
        self._leaders, self._at_once = Watchlist.of(leaders), leaders_at_once
        self._orderbook, self._cursors, self._clock = orderbook, cursors, clock
        self._overlap_s, self._backfill_s = overlap_s, backfill_s

    @property
    def scopes(self) -> tuple[str, ...]:
        """List the groups of leaders that one query carries, by their first one's place."""
        return tuple(f"{_GROUP}{place}" for place in range(0, len(self._leaders.addresses), self._at_once))

    def poll(self, scope: str, sink: Sink) -> None:
        """Read what is indexed since the last time; the cursors move when all pages are published."""
        place = int(scope.removeprefix(_GROUP))
        leaders = self._leaders.addresses[place : place + self._at_once]
        if not leaders:
            return None
        since_s = min(self._since_s(leader) for leader in leaders)
        last_id, indexed_s = "", None
        kept_back: tuple[LeaderFill, ...] = ()
        for _ in range(MOST_PAGES):
            page = self._orderbook.filled(leaders, since_s, last_id)
            seen_at_ms = self._clock.now_ms()
            indexed_s = min(page.indexed_s, seen_at_ms // 1000 if indexed_s is None else indexed_s)
            reading = no_later(only_of(read_subgraph(page.rows), leaders), seen_at_ms)
            fills = (*kept_back, *reading.fills)
            if not page.full:
                return sink(_batch(fills, reading, seen_at_ms, dict.fromkeys(leaders, indexed_s)))
            # Ids only rise: a page that does not move on would be read for ever.
            if page.last_id <= last_id:
                raise Malformed("the subgraph repeats a page")
            last_tx = fills[-1].tx_hash if fills else ""
            ready = (fill for fill in fills if fill.tx_hash != last_tx)
            sink(_batch(ready, reading, seen_at_ms, {}))
            kept_back = tuple(fill for fill in fills if fill.tx_hash == last_tx)
            last_id = page.last_id
        raise Malformed(f"more than {MOST_PAGES} pages since {since_s}; raise the start")

    def _since_s(self, leader: str) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is None:
            return max(0, self._clock.now_ms() // 1000 - self._backfill_s - self._overlap_s)
        return max(0, cursor - self._overlap_s)


def _batch(fills: Iterable[LeaderFill], reading: FillReading, seen_at_ms: int, cursors: dict[str, int]) -> Batch:
    ready = tuple(fills)
    views = (FillView(NAME, seen_at_ms, ready),) if ready else ()
    return Batch(NAME, views, cursors, reading.rows, reading.skipped, reading.problems)
