"""Polygon, as far as the venue uses it: blocks at a fixed pace, logs, reorganisations."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.chain.abi import Emission
from simulator.core import identity
from simulator.core.settings import Settings

BASE_BLOCK = 96_000_000
_FINALITY_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Log:
    """An emitted log in its place."""

    emission: Emission
    block: int
    index: int
    tx_hash: str


class Chain:
    """Blocks are a function of time; only those with logs are stored."""

    def __init__(self, settings: Settings, start_ms: int) -> None:
        """Start with the base block mined at `start_ms`."""
        self._seed = settings.seed
        self._start_ms = start_ms
        self.block_ms = max(1, settings.wall_ms(settings.block_s))
        self._logs: dict[int, list[Log]] = {}
        self._filled: list[int] = []
        self._by_tx: dict[str, list[Log]] = {}
        self._forks: list[int] = []
        self._indexes: dict[int, int] = {}

    def head(self, now_ms: int) -> int:
        """Return the newest block's number."""
        return BASE_BLOCK + (now_ms - self._start_ms) // self.block_ms

    def finalized(self, now_ms: int) -> int:
        """Return the newest block no reorganisation can reach."""
        return self.head(now_ms) - _FINALITY_BLOCKS

    def mined_ms(self, block: int) -> int:
        """Return when a block appears."""
        return self._start_ms + (block - BASE_BLOCK) * self.block_ms

    def timestamp(self, block: int) -> int:
        """Return a block's time in seconds."""
        return self.mined_ms(block) // 1000

    def first_block_from(self, at_ms: int) -> int:
        """Return the first block mined at or after a moment."""
        return BASE_BLOCK - (self._start_ms - at_ms) // self.block_ms

    def hash(self, block: int) -> str:
        """Return a block's hash; a reorganisation changes those from its fork on."""
        forks = sum(1 for low in self._forks if low <= block)
        return identity.hash32("block", self._seed, block, forks)

    def emit(self, block: int, tx_hash: str, emissions: list[Emission]) -> list[Log]:
        """Put a transaction's logs into a block; return them with their indexes."""
        first = self._reserve(block, len(emissions))
        logs = [Log(each, block, first + step, tx_hash) for step, each in enumerate(emissions)]
        if block not in self._logs:
            insort(self._filled, block)
        self._logs.setdefault(block, []).extend(logs)
        self._by_tx.setdefault(tx_hash, []).extend(logs)
        return logs

    def logs(self, low: int, high: int) -> Iterator[Log]:
        """Yield the logs of a range of blocks, in order."""
        for position in range(bisect_left(self._filled, low), len(self._filled)):
            block = self._filled[position]
            if block > high:
                return
            yield from self._logs[block]

    def receipt(self, tx_hash: str, head: int) -> list[Log]:
        """Return a transaction's logs, empty while it is not mined."""
        return [log for log in self._by_tx.get(tx_hash, []) if log.block <= head]

    def block_of(self, block_hash: str, now_ms: int) -> int | None:
        """Find a recent block by its hash."""
        head = self.head(now_ms)
        recent = range(head, head - 300, -1)
        return next((block for block in recent if self.hash(block) == block_hash), None)

    def fork(self, low: int, dropped: set[str]) -> None:
        """Rewrite the blocks from `low` on without some transactions."""
        self._forks.append(low)
        for block in self._filled[bisect_left(self._filled, low) :]:
            kept = [log for log in self._logs[block] if log.tx_hash not in dropped]
            self._logs[block] = kept
        for tx_hash in dropped:
            self._by_tx[tx_hash] = [log for log in self._by_tx[tx_hash] if log.block < low]

    def _reserve(self, block: int, wanted: int) -> int:
        start = int(identity.digest("index", self._seed, block)[:4], 16) % 600
        first = self._indexes.get(block, start)
        self._indexes[block] = first + wanted + 3
        return first
