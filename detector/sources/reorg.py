"""Which transactions were in a block and are no longer: pure (trap 11)."""

from collections.abc import Mapping

_MISSES = 2
"""A lagging node can hide a block once; twice in a row is worth a line in the log."""


class ReorgWatch:
    """Remember where recent transactions were; say which are gone when their blocks are read again."""

    def __init__(self, keep_blocks: int) -> None:
        self._keep = keep_blocks
        self._blocks: dict[str, int] = {}
        self._missed: dict[str, int] = {}

    def vanished(self, places: Mapping[str, int], low: int, high: int) -> list[str]:
        """Take in the transactions found in blocks `low` to `high`; return those that are gone from there."""
        gone: list[str] = []
        for tx_hash, block in list(self._blocks.items()):
            if block < high - self._keep:
                self._drop(tx_hash)
            elif low <= block <= high and tx_hash not in places:
                self._missed[tx_hash] = self._missed.get(tx_hash, 0) + 1
                if self._missed[tx_hash] >= _MISSES:
                    self._drop(tx_hash)
                    gone.append(tx_hash)
        for tx_hash, block in places.items():
            self._blocks[tx_hash] = block
            self._missed.pop(tx_hash, None)
        return gone

    def _drop(self, tx_hash: str) -> None:
        self._blocks.pop(tx_hash, None)
        self._missed.pop(tx_hash, None)
