"""Read a span of blocks for a group of leaders, in requests as wide as the node allows."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from detector.domain.log_filters import LogFilter, LogRules
from shared import logs
from shared.domain.errors import Malformed
from shared.polymarket.polygon import HistoryPruned, PolygonClient, RangeTooWide
from shared.polymarket.wire.leader_fills import FillReading, only_of
from shared.polymarket.wire.order_filled import hex_number, read_logs
from shared.polymarket.wire.parsing import Raw, as_object
from shared.rate_limit.limits import GateLane

_MOST_TIMES = 4096  # blocks whose time is remembered: three readings of the widest span
_OWNER = 2
"""The topic that names whose order was filled."""


@dataclass(frozen=True, slots=True)
class FoundLogs:
    """What blocks `low` to `high` hold of a group: read, and as it came."""

    low: int
    high: int
    reading: FillReading
    raws: list[Any]


class LogReader:
    """Reads in one lane of the gate, on one thread. Its span shrinks when a node finds it too wide, and grows again."""

    def __init__(self, polygon: PolygonClient, rules: LogRules, lane: GateLane) -> None:
        self._polygon, self._rules, self._lane = polygon, rules, lane
        self._span = rules.blocks_at_once
        self._times_ms: OrderedDict[int, int] = OrderedDict()
        self._log = logs.get_logger("detector", source="chain_logs", lane=lane.name.lower())

    def read(self, group: LogFilter, low: int, high: int) -> Iterator[FoundLogs]:
        """Yield what each request finds, oldest first; blocks that the node no longer keeps are passed by loudly.

        Raises:
            RangeTooWide: not even one block.
            TryAgain: the node is throttled, away or behind.
        """
        while low <= high:
            upto = min(low + min(self._span, group.blocks_at_once) - 1, high)
            try:
                raws = self._polygon.logs(low, upto, self._rules.addresses, group.topics, self._lane)
            except RangeTooWide:
                if upto == low:
                    raise
                self._span = (upto - low + 1) // 2  # halved until the node takes it
                continue
            except HistoryPruned as error:
                self._log.error("blocks_unreadable", low=low, high=upto, error=str(error))
                yield FoundLogs(low, upto, FillReading((), 0), [])
            else:
                raws = _sifted(raws, group.wanted)
                yield FoundLogs(low, upto, only_of(read_logs(raws, self._times(raws)), group.members), raws)
                self._span = min(2 * self._span, self._rules.blocks_at_once)
            low = upto + 1

    def _times(self, raws: list[Any]) -> dict[int, int]:
        """Return the times of blocks whose logs do not say them."""
        silent = {block for log, block in blocks_of(raws) if log.get("blockTimestamp") is None}
        for block in sorted(silent - self._times_ms.keys()):
            self._times_ms[block] = self._polygon.block_time_ms(block, self._lane)
        while len(self._times_ms) > _MOST_TIMES:
            self._times_ms.popitem(last=False)
        return {block: self._times_ms[block] for block in silent if block in self._times_ms}


def blocks_of(raws: list[Any]) -> list[tuple[Raw, int]]:
    """Return logs with their blocks; one that cannot be read is named where it is parsed, and passed by here."""
    placed: list[tuple[Raw, int]] = []
    for raw in raws:
        with contextlib.suppress(Malformed):
            log = as_object(raw, "log")
            placed.append((log, hex_number(log, "blockNumber")))
    return placed


def _sifted(raws: list[Any], wanted: frozenset[str] | None) -> list[Any]:
    """Return the logs of wanted owners, before anything is parsed; one that names none is named where it is parsed."""
    if wanted is None:
        return raws
    return [raw for raw in raws if (owner := _owner(raw)) is None or owner in wanted]


def _owner(raw: Any) -> str | None:  # noqa: ANN401 - JSON
    try:
        return str(raw["topics"][_OWNER]).lower()
    except (TypeError, KeyError, IndexError):
        return None
