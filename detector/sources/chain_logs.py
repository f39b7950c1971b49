"""Polygon's `OrderFilled` logs as a source: one filter carries all leaders."""

import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Any

from detector.cursors import Cursors
from detector.sources.port import Batch, Sink, View
from detector.sources.reorg import ReorgWatch
from shared import logs
from shared.clock import Clock
from shared.errors import Malformed
from shared.gate_limits import Lane
from shared.polymarket.endpoints import EXCHANGES, EXCHANGES_V1, ORDER_FILLED, ORDER_FILLED_V1
from shared.polymarket.fills import only_of
from shared.polymarket.order_filled import hex_number, padded, read_logs
from shared.polymarket.payloads import Raw, as_object, text
from shared.polymarket.polygon import HistoryPruned, NodeBehind, Polygon, RangeTooWide

NAME = "chain_logs"
ALL = "all"
TOPICS_AT_ONCE = 200
"""Leaders in one filter's OR-list."""
MOST_BLOCKS = 2000
"""Blocks in one request: public nodes refuse 10,000 and time out on wide filters before that."""
BLOCK_S = 1.5
_PACE_BLOCKS = 1000
_MOST_TIMES = 4096
_PATIENCE = 5
"""Polls in a row that a lagging node may spoil before the source counts as failing."""


@dataclass(frozen=True)
class _Chunk:
    """Leaders of one filter."""

    leaders: tuple[str, ...]
    watch: ReorgWatch


class ChainLogsSource:
    """Poll `eth_getLogs` for all leaders at once, re-reading `overlap_blocks` each time.

    The overlap covers short reorganisations and nodes that answer for blocks they do not have yet (trap 11).
    """

    name = NAME
    scopes = (ALL,)

    def __init__(
        self,
        polygon: Polygon,
        leaders: tuple[str, ...],
        cursors: Cursors,
        *,
        clock: Clock,
        every_s: float,
        overlap_blocks: int,
        backfill_s: int,
        with_v1: bool = False,
    ) -> None:
        self.every_s = every_s
        self._polygon, self._cursors, self._clock = polygon, cursors, clock
        self._overlap, self._backfill_s = overlap_blocks, backfill_s
        self._chunks = [
            _Chunk(leaders[at : at + TOPICS_AT_ONCE], ReorgWatch(keep_blocks=4 * overlap_blocks))
            for at in range(0, len(leaders), TOPICS_AT_ONCE)
        ]
        self._addresses = EXCHANGES + (EXCHANGES_V1 if with_v1 else ())
        self._topic = [ORDER_FILLED, ORDER_FILLED_V1] if with_v1 else ORDER_FILLED
        self._span = MOST_BLOCKS
        self._first: int | None = None
        self._behind = 0
        self._times_ms: OrderedDict[int, int] = OrderedDict()
        self._log = logs.get("detector", source=NAME)

    def poll(self, scope: str, sink: Sink) -> None:
        """Read all leaders' fills up to the head (`scope` is always `all`)."""
        del scope
        try:
            head = self._polygon.head()
            for chunk in self._chunks:
                self._read(chunk, head, sink)
        except NodeBehind as error:
            self._behind += 1
            if self._behind >= _PATIENCE:
                raise
            self._log.info("node_behind", error=str(error), in_a_row=self._behind)
        else:
            self._behind = 0

    def _read(self, chunk: _Chunk, head: int, sink: Sink) -> None:
        low = min(self._start(leader, head) for leader in chunk.leaders)
        catching_up = head - low > 4 * self._overlap
        topics = [self._topic, None, [padded(leader) for leader in chunk.leaders]]
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
            sink(self._batch(found, low, high, chunk))
            self._span = min(2 * self._span, MOST_BLOCKS)
            low = high + 1

    def _batch(self, found: list[Any], low: int, high: int, chunk: _Chunk) -> Batch:
        seen_at_ms = self._clock.now_ms()
        reading = only_of(read_logs(found, self._times(found)), chunk.leaders)
        places = _places(found)
        for tx_hash in chunk.watch.vanished(places, low, high):
            self._log.warning("fill_vanished", tx_hash=tx_hash, why="reorganised out, or the node lags")
        return Batch(
            source=NAME,
            views=(View(NAME, seen_at_ms, reading.fills),) if reading.fills else (),
            cursors=dict.fromkeys(chunk.leaders, high),
            rows=reading.rows,
            skipped=reading.skipped,
            problems=reading.problems,
        )

    def _times(self, found: list[Any]) -> dict[int, int]:
        """Return the times of blocks whose logs do not say them."""
        silent = {block for log, block in _placed(found) if log.get("blockTimestamp") is None}
        for block in sorted(silent - self._times_ms.keys()):
            self._times_ms[block] = self._polygon.block_time_ms(block)
        while len(self._times_ms) > _MOST_TIMES:
            self._times_ms.popitem(last=False)
        return {block: self._times_ms[block] for block in silent if block in self._times_ms}

    def _start(self, leader: str, head: int) -> int:
        cursor = self._cursors.get(NAME, leader)
        if cursor is not None:
            return max(0, cursor - self._overlap + 1)
        if self._first is None:
            self._first = max(0, head - ceil(self._backfill_s / self._pace_s(head)))
        return self._first

    def _pace_s(self, head: int) -> float:
        """Return the seconds between blocks, measured: the block time has changed before."""
        try:
            now_ms = self._polygon.block_time_ms(head, Lane.CATCHUP)
            then_ms = self._polygon.block_time_ms(head - _PACE_BLOCKS, Lane.CATCHUP)
        except NodeBehind:
            return BLOCK_S
        return max(now_ms - then_ms, 1) / 1000 / _PACE_BLOCKS


def _places(found: list[Any]) -> dict[str, int]:
    """Return the block of each transaction."""
    return {text(log, "transactionHash").lower(): block for log, block in _placed(found) if not log.get("removed")}


def _placed(found: list[Any]) -> list[tuple[Raw, int]]:
    """Return logs with their blocks; one that cannot be read is named where it is parsed, and passed by here."""
    placed: list[tuple[Raw, int]] = []
    for raw in found:
        with contextlib.suppress(Malformed):
            log = as_object(raw, "log")
            placed.append((log, hex_number(log, "blockNumber")))
    return placed
