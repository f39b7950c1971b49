"""Which fills were in a block and are no longer: pure (pitfall 11).

A reorganisation mostly puts a transaction into another block, under another log index: it moved, nothing happened. One
that stays away is gone, but a node that lags hides blocks too. So a fill counts as gone only when its absence is as
settled as its presence would be: `_AWAY` times `confirmations` blocks have come without it, in several readings.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.polymarket.wire.leader_fills import LeaderFill

_MISSES = 2
_AWAY = 3

Spot = tuple[str, str]
"""A leader's part of a transaction."""


@dataclass(frozen=True, slots=True)
class PlacedFill:
    """A leader's fills of one transaction, and the block they are in."""

    block: int
    fills: tuple[LeaderFill, ...]

    @property
    def tx_hash(self) -> str:
        """Return the transaction."""
        return self.fills[0].tx_hash

    @property
    def spot(self) -> Spot:
        """Return what names them wherever they are mined."""
        return self.fills[0].leader, self.fills[0].tx_hash


@dataclass(slots=True)
class _Known:
    placed: PlacedFill
    misses: int = 0
    missed_at: int = 0


class ReorgWatch:
    """Remember where recent fills were; say which have moved and which have been away for too long.

    Args:
        keep_blocks: How deep a fill is watched; as deep as blocks are read again.
        confirmations: Blocks that settle a fill.
    """

    def __init__(self, keep_blocks: int, confirmations: int) -> None:
        self._keep, self._confirmations = keep_blocks, confirmations
        self._known: dict[Spot, _Known] = {}

    def look(self, found: Iterable[PlacedFill], low: int, high: int, leaders: Collection[str]) -> list[PlacedFill]:
        """Take in what blocks `low` to `high` hold of `leaders`; return what has just been missed there."""
        there = {placed.spot: placed for placed in found}
        lost: list[PlacedFill] = []
        for spot, known in list(self._known.items()):
            if spot in there or spot[0] not in leaders:
                continue
            if low <= known.placed.block <= high:
                known.misses += 1
                known.missed_at = known.missed_at or high
                lost += [known.placed] if known.misses == 1 else []
            elif not known.misses and known.placed.block < high - self._keep:
                del self._known[spot]
        for spot, placed in there.items():
            self._known[spot] = _Known(placed)
        return lost

    def gone(self, head: int) -> list[PlacedFill]:
        """Return the fills whose absence is settled; each is returned until it is forgotten."""
        return [known.placed for known in self._known.values() if self._is_gone(known, head)]

    def is_deep(self, placed: PlacedFill, head: int) -> bool:
        """Say whether a fill was settled already when it vanished."""
        known = self._known.get(placed.spot)
        return known is not None and (known.missed_at or head) - placed.block >= self._confirmations

    def forget(self, placed: PlacedFill) -> None:
        """Watch a fill no longer."""
        self._known.pop(placed.spot, None)

    def _is_gone(self, known: _Known, head: int) -> bool:
        out_of_reach = known.placed.block < head - self._keep
        enough = known.misses >= _MISSES or (known.misses > 0 and out_of_reach)
        return enough and head >= known.missed_at + _AWAY * self._confirmations
