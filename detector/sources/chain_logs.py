"""Polygon's `OrderFilled` logs as a source: one filter carries hundreds of leaders."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable
from math import ceil
from typing import Any

from detector.cursors import Cursors
from detector.leaders import Leaders
from detector.sources.port import Batch, Sink, View
from detector.sources.reorg import Placed, ReorgWatch
from detector.sources.retractor import Retract
from shared import logs
from shared.clock import Clock
from shared.errors import Malformed
from shared.gate_limits import Lane
from shared.polymarket.endpoints import EXCHANGES, EXCHANGES_V1, ORDER_FILLED, ORDER_FILLED_V1
from shared.polymarket.fills import LeaderFill, only_of
from shared.polymarket.order_filled import hex_number, padded, read_logs
from shared.polymarket.payloads import Raw, as_object, text
from shared.polymarket.polygon import HistoryPruned, NodeBehind, Polygon, RangeTooWide

NAME = "chain_logs"
ALL = "all"
LEADERS_AT_ONCE = 500
"""Leaders in one filter's OR-list; geth refuses more than 1,000."""
MOST_BLOCKS = 2000
"""Blocks in one request: public nodes refuse 10,000 and time out on wide filters before that."""
CONFIRMATIONS = 3
BLOCK_S = 1.5
_PACE_BLOCKS = 1000
_MOST_TIMES = 4096
_PATIENCE = 5
"""Polls in a row that a lagging node may spoil before the source counts as failing."""


class ChainLogsSource:
    """Poll `eth_getLogs` for all leaders at once, re-reading `overlap_blocks` each time.

    The overlap covers reorganisations and nodes that answer for blocks they do not have yet (trap 11). A fill that
    vanished and stays away is looked for by its receipt once more before `retract` hears of it.
    """

    name = NAME
    scopes = (ALL,)

    def __init__(
        self,
        polygon: Polygon,
        leaders: Leaders | Iterable[str],
        cursors: Cursors,
        *,
        clock: Clock,
        every_s: float,
        overlap_blocks: int,
        backfill_s: int,
        with_v1: bool = False,
        leaders_at_once: int = LEADERS_AT_ONCE,
        blocks_at_once: int = MOST_BLOCKS,
        confirmations: int = CONFIRMATIONS,
        retract: Retract | None = None,
    ) -> None:
        self.every_s = every_s
        self._polygon, self._leaders, self._cursors, self._clock = polygon, Leaders.of(leaders), cursors, clock
        self._overlap, self._backfill_s, self._retract = overlap_blocks, backfill_s, retract
        self._leaders_at_once, self._blocks_at_once = leaders_at_once, blocks_at_once
        self._watch = ReorgWatch(overlap_blocks, confirmations)
        self._addresses = EXCHANGES + (EXCHANGES_V1 if with_v1 else ())
        self._topic = [ORDER_FILLED, ORDER_FILLED_V1] if with_v1 else ORDER_FILLED
        self._span = blocks_at_once
        self._begins: dict[str, int] = {}
        self._pace_s: float | None = None
        self._behind = 0
        self._times_ms: OrderedDict[int, int] = OrderedDict()
        self._log = logs.get("detector", source=NAME)

    def poll(self, scope: str, sink: Sink) -> None:
        """Read all leaders' fills up to the head (`scope` is always `all`)."""
        del scope
        leaders = self._leaders.addresses
        if not leaders:
            return
        try:
            head = self._polygon.head()
            for at in range(0, len(leaders), self._leaders_at_once):
                self._read(leaders[at : at + self._leaders_at_once], head, sink)
            self._retract_gone(head)
        except NodeBehind as error:
            self._behind += 1
            if self._behind >= _PATIENCE:
                raise
            self._log.info("node_behind", error=str(error), in_a_row=self._behind)
        else:
            self._behind = 0

    def _read(self, leaders: tuple[str, ...], head: int, sink: Sink) -> None:
        low = min(self._start(leader, head) for leader in leaders)
        catching_up = head - low > 4 * self._overlap
        topics = [self._topic, None, [padded(leader) for leader in leaders]]
        while low <= head:
            high = min(low + self._span - 1, head)
            lane = Lane.CATCHUP if catching_up and high < head else Lane.FRESH
            try:
                found = self._polygon.logs(low, high, self._addresses, topics, lane)
            except RangeTooWide:
                if high == low:
                    raise
                self._span = (high - low + 1) // 2
                continue
            except HistoryPruned as error:
                self._log.error("blocks_unreadable", low=low, high=high, error=str(error))
                low = high + 1
                continue
            sink(self._batch(found, low, high, leaders))
            self._span = min(2 * self._span, self._blocks_at_once)
            low = high + 1

    def _batch(self, found: list[Any], low: int, high: int, leaders: tuple[str, ...]) -> Batch:
        seen_at_ms = self._clock.now_ms()
        reading = only_of(read_logs(found, self._times(found)), frozenset(leaders))
        for placed in self._watch.look(_placed(reading.fills, found), low, high, frozenset(leaders)):
            self._log.warning("fill_vanished", tx_hash=placed.tx_hash, why="reorganised out, or the node lags")
        return Batch(
            source=NAME,
            views=(View(NAME, seen_at_ms, reading.fills),) if reading.fills else (),
            cursors=dict.fromkeys(leaders, high),
            rows=reading.rows,
            skipped=reading.skipped,
            problems=reading.problems,
        )

    def _retract_gone(self, head: int) -> None:
        """Retract what has been away for too long, unless its receipt says where it is now."""
        for placed in self._watch.gone(head):
            fills = only_of(read_logs(self._receipt(placed)), frozenset({placed.fills[0].leader})).fills
            if fills:
                self._log.info("fill_moved", tx_hash=placed.tx_hash)
            elif self._retract is not None:
                depth = "settled" if self._watch.is_deep(placed, head) else "young"
                reason = f"a reorganisation removed it from block {placed.block} ({depth}) and it did not come back"
                self._retract(placed, NAME, reason)
            self._watch.forget(placed)

    def _receipt(self, placed: Placed) -> list[Any]:
        """Return a transaction's logs as they are now, with any time: only whether they are there counts."""
        logs_now = self._polygon.receipt_logs(placed.tx_hash, Lane.FRESH)
        return [{**as_object(log, "log"), "blockTimestamp": "0x0"} for log in logs_now]

    def _times(self, found: list[Any]) -> dict[int, int]:
        """Return the times of blocks whose logs do not say them."""
        silent = {block for log, block in _blocks(found) if log.get("blockTimestamp") is None}
        for block in sorted(silent - self._times_ms.keys()):
            self._times_ms[block] = self._polygon.block_time_ms(block)
        while len(self._times_ms) > _MOST_TIMES:
            self._times_ms.popitem(last=False)
        return {block: self._times_ms[block] for block in silent if block in self._times_ms}

    def _start(self, leader: str, head: int) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is not None:
            self._begins.pop(leader, None)
            return max(0, cursor - self._overlap + 1)
        if leader not in self._begins:
            self._begins[leader] = max(0, head - ceil(self._backfill_s / self._pace(head)))
        return self._begins[leader]

    def _pace(self, head: int) -> float:
        """Return the seconds between blocks, measured once: the block time has changed before."""
        if self._pace_s is None:
            try:
                now_ms = self._polygon.block_time_ms(head, Lane.CATCHUP)
                then_ms = self._polygon.block_time_ms(head - _PACE_BLOCKS, Lane.CATCHUP)
            except NodeBehind:
                return BLOCK_S
            self._pace_s = max(now_ms - then_ms, 1) / 1000 / _PACE_BLOCKS
        return self._pace_s


def _placed(fills: Iterable[LeaderFill], found: list[Any]) -> list[Placed]:
    """Return each leader's fills of each transaction with their block."""
    blocks = {text(log, "transactionHash").lower(): block for log, block in _blocks(found) if not log.get("removed")}
    grouped: dict[tuple[str, str], list[LeaderFill]] = {}
    for fill in fills:
        if fill.tx_hash in blocks:
            grouped.setdefault((fill.leader, fill.tx_hash), []).append(fill)
    return [Placed(blocks[tx_hash], tuple(each)) for (_, tx_hash), each in grouped.items()]


def _blocks(found: list[Any]) -> list[tuple[Raw, int]]:
    """Return logs with their blocks; one that cannot be read is named where it is parsed, and passed by here."""
    placed: list[tuple[Raw, int]] = []
    for raw in found:
        with contextlib.suppress(Malformed):
            log = as_object(raw, "log")
            placed.append((log, hex_number(log, "blockNumber")))
    return placed
