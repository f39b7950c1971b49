"""Polygon's `OrderFilled` logs as a source: one request carries hundreds of leaders, or all of them."""

from collections.abc import Callable, Iterable
from math import ceil
from typing import Any, Protocol

from detector.domain.fill_view import FillView
from detector.domain.log_filters import LogFilter, LogRules, groups_of, oldest_past
from detector.domain.reorg_watch import PlacedFill, ReorgWatch
from detector.domain.source_port import Batch, Sink
from detector.leaders.watchlist import Watchlist
from detector.polling.cursors import CursorReader
from detector.sources.log_reader import FoundLogs, LogReader, blocks_of
from shared import logs
from shared.clock import Clock
from shared.polymarket.polygon import NodeBehind, PolygonClient
from shared.polymarket.wire.leader_fills import LeaderFill, no_later, only_of
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.parsing import as_object, read_text
from shared.rate_limit.limits import GateLane

NAME = "chain_logs"
ALL = "all"
BLOCK_S = 1.5
"""Seconds between blocks where a node has no old block to measure by."""
_PACE_BLOCKS = 1000
_MOST_BEHIND = 5
"""Polls in a row that a lagging node may spoil before the source counts as failing."""
_FAR_OVERLAPS = 10
"""So many overlaps behind the head, what is older is read in the catch-up lane, beside the fresh polls."""


class Retract(Protocol):
    """Takes back what was signalled of fills that the chain no longer has (`detector/publishing/retraction`)."""

    def __call__(self, placed: PlacedFill, source: str, reason: str) -> int:
        """Retract all signals that these fills made; return how many.

        Raises:
            Unavailable: the server is away; call again.
        """
        ...


class ChainLogsSource:
    """Poll `eth_getLogs` for all leaders at once, reading the last `overlap` blocks again each time.

    The overlap covers reorganisations and nodes that answer for blocks they do not have yet (pitfall 11). A fill that
    vanished and stays away is looked for by its receipt once more before `retract` hears of it. After downtime the
    newest blocks come first; the rest is read oldest first in the catch-up lane, and until it is done the cursors stay
    where it has got to, so that a crash in the middle resumes there. After each poll `check` gets the node's head.
    """

    name = NAME
    scopes = (ALL,)

    def __init__(
        self,
        polygon: PolygonClient,
        leaders: Watchlist | Iterable[str],
        cursors: CursorReader,
        *,
        clock: Clock,
        every_s: float,
        rules: LogRules | None = None,
        retract: Retract | None = None,
        check: Callable[[int], None] = lambda _head: None,
    ) -> None:
        self.every_s = every_s
        self._polygon, self._leaders, self._cursors, self._clock = polygon, Watchlist.of(leaders), cursors, clock
        self._rules, self._retract, self._check = rules or LogRules(), retract, check
        self._watch = ReorgWatch(self._rules.overlap, self._rules.confirmations)
        self._fresh_reader, self._catch_up_reader = (
            LogReader(polygon, self._rules, lane) for lane in (GateLane.FRESH, GateLane.CATCHUP)
        )
        self._version, self._groups = -1, tuple[LogFilter, ...]()
        self._begins: dict[str, int] = {}
        self._measured_block_s: float | None = None
        self._behind = 0
        self._log = logs.get_logger("detector", source=NAME)

    @property
    def late_scopes(self) -> tuple[str, ...]:
        """Say whether there are blocks to catch up on."""
        return (ALL,) if oldest_past(self._groups) else ()

    def poll(self, scope: str, sink: Sink) -> None:
        """Read all leaders' fills up to the head (`scope` is always `all`)."""
        del scope
        self._refresh_filters()
        if not self._groups:
            return
        try:
            head = self._polygon.head()
            for group in self._groups:
                self._read_filter(group, head, sink)
            self._retract_gone(head)
            self._check(head)
        except NodeBehind as error:  # behind a balancer the next node may be at the head again
            self._behind += 1
            if self._behind >= _MOST_BEHIND:
                raise
            self._log.info("node_behind", error=str(error), in_a_row=self._behind)
        else:
            self._behind = 0

    def catch_up(self, scope: str, sink: Sink) -> None:
        """Read one request's worth of what is furthest behind, and move the cursors over it."""
        del scope
        group = oldest_past(self._groups)
        if group is None or (past := group.past) is None:
            return
        found = next(self._catch_up_reader.read(group, past.low, past.high))
        sink(self._batch(found, dict.fromkeys(group.leaders, found.high)))
        past.low = found.high + 1
        if past.low > past.high:
            group.past = None

    def _refresh_filters(self) -> None:
        """Split the leaders anew when they changed."""
        now = self._leaders.now
        if now.version != self._version:
            self._cursors.load(NAME, now.addresses)
            self._groups, self._version = groups_of(now.addresses, self._rules), now.version

    def _read_filter(self, group: LogFilter, head: int, sink: Sink) -> None:
        overlap = self._rules.overlap
        if group.low is None:
            group.begin(
                min(self._start_block(leader, head) for leader in group.leaders), head, overlap, _FAR_OVERLAPS * overlap
            )
        for found in self._fresh_reader.read(group, group.low or 0, head):
            for placed in self._watch.update_blocks(_placed_fills(found), found.low, found.high, group.members):
                self._log.warning("fill_vanished", tx_hash=placed.tx_hash, why="reorganised out, or the node lags")
            # Every half overlap is often enough: what lies above is read again anyway.
            cursors = group.cursors(found.high, overlap // 2)
            sink(self._batch(found, cursors))
            group.saved = found.high if cursors else group.saved
            group.low = max(group.low or 0, found.high - overlap + 1)

    def _batch(self, found: FoundLogs, cursors: dict[str, int]) -> Batch:
        seen_at_ms = self._clock.now_ms()
        reading = no_later(found.reading, seen_at_ms)
        return Batch(
            source=NAME,
            views=(FillView(NAME, seen_at_ms, reading.fills),) if reading.fills else (),
            cursors=cursors,
            rows=reading.rows,
            skipped=reading.skipped,
            problems=reading.problems,
        )

    def _retract_gone(self, head: int) -> None:
        """Retract what has been away for too long, unless its receipt says where it is now."""
        for placed in self._watch.gone_fills(head):
            fills = only_of(read_logs(self._receipt(placed)), frozenset({placed.fills[0].leader})).fills
            if fills:
                self._log.info("fill_moved", tx_hash=placed.tx_hash)
            elif self._retract is not None:
                depth = "settled" if self._watch.is_deep(placed, head) else "young"
                reason = f"a reorganisation removed it from block {placed.block} ({depth}) and it did not come back"
                self._retract(placed, NAME, reason)
            self._watch.forget_fill(placed)

    def _receipt(self, placed: PlacedFill) -> list[Any]:
        """Return a transaction's logs as they are now, with any time: only whether they are there counts."""
        logs_now = self._polygon.receipt_logs(placed.tx_hash, GateLane.FRESH)
        return [{**as_object(log, "log"), "blockTimestamp": "0x0"} for log in logs_now]

    def _start_block(self, leader: str, head: int) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is not None:
            self._begins.pop(leader, None)
            return max(0, cursor - self._rules.overlap + 1)
        if leader not in self._begins:
            self._begins[leader] = max(0, head - ceil(self._rules.backfill_s / self._block_s(head)))
        return self._begins[leader]

    def _block_s(self, head: int) -> float:
        """Return the seconds between blocks, measured once: the block time has changed before."""
        if self._measured_block_s is None:
            try:
                now_ms = self._polygon.block_time_ms(head, GateLane.CATCHUP)
                then_ms = self._polygon.block_time_ms(head - _PACE_BLOCKS, GateLane.CATCHUP)
            except NodeBehind:
                return BLOCK_S
            self._measured_block_s = max(now_ms - then_ms, 1) / 1000 / _PACE_BLOCKS
        return self._measured_block_s


def _placed_fills(found: FoundLogs) -> list[PlacedFill]:
    """Return each leader's fills of each transaction with their block."""
    there = blocks_of(found.raws)
    blocks = {read_text(log, "transactionHash").lower(): block for log, block in there if not log.get("removed")}
    grouped: dict[tuple[str, str], list[LeaderFill]] = {}
    for fill in found.reading.fills:
        if fill.tx_hash in blocks:
            grouped.setdefault((fill.leader, fill.tx_hash), []).append(fill)
    return [PlacedFill(blocks[tx_hash], tuple(each)) for (_, tx_hash), each in grouped.items()]
