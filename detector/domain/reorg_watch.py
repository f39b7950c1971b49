"""A watch for reorganisations: the fills that were in a block and are no longer (pitfall 11). Pure.

A reorganisation mostly puts a transaction into another block, under another log index: it moved, nothing happened. One
that stays away is gone, but a node that lags hides blocks too. So a fill counts as gone only when its absence is as
final as its presence would be: `_AWAY` times `confirmations` blocks have come without it, in several readings.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from shared.polymarket.wire.leader_fills import LeaderFill

_MISSES = 2  # one reading without a fill may be a node that lags
_AWAY = 3  # three times what makes a fill final makes its absence final

Spot = tuple[str, str]
"""A leader and a transaction."""


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
class _WatchedFill:
    placed: PlacedFill
    misses: int = 0
    missed_at_block: int = 0


class ReorgWatch:
    """Remember where recent fills were; say which have moved and which have been away for too long.

    Args:
        keep_blocks: How deep a fill is watched; as deep as blocks are read again.
        confirmations: Blocks after which a fill is final.
    """

    def __init__(self, keep_blocks: int, confirmations: int) -> None:
        self._keep, self._confirmations = keep_blocks, confirmations
        self._watched: dict[Spot, _WatchedFill] = {}

    def update_blocks(
        self, found: Iterable[PlacedFill], low: int, high: int, leaders: Collection[str]
    ) -> list[PlacedFill]:
        """Take in what blocks `low` to `high` hold of `leaders`; return what has just been missed there."""
        there = {placed.spot: placed for placed in found}
        lost: list[PlacedFill] = []
        for spot, watched in list(self._watched.items()):
            if spot in there or spot[0] not in leaders:
                continue
            if low <= watched.placed.block <= high:
                watched.misses += 1
                watched.missed_at_block = watched.missed_at_block or high
                lost += [watched.placed] if watched.misses == 1 else []
            elif not watched.misses and watched.placed.block < high - self._keep:
                del self._watched[spot]
        for spot, placed in there.items():
            self._watched[spot] = _WatchedFill(placed)
        return lost

    def gone_fills(self, head: int) -> list[PlacedFill]:
        """Return the fills whose absence is final; each is returned until it is forgotten."""
        return [watched.placed for watched in self._watched.values() if self._is_gone(watched, head)]

    def is_deep(self, placed: PlacedFill, head: int) -> bool:
        """Say whether a fill was final already when it vanished."""
        watched = self._watched.get(placed.spot)
        return watched is not None and (watched.missed_at_block or head) - placed.block >= self._confirmations

    def forget_fill(self, placed: PlacedFill) -> None:
        """Watch a fill no longer."""
        self._watched.pop(placed.spot, None)

    def _is_gone(self, watched: _WatchedFill, head: int) -> bool:
        out_of_reach = watched.placed.block < head - self._keep
        enough = watched.misses >= _MISSES or (watched.misses > 0 and out_of_reach)
        return enough and head >= watched.missed_at_block + _AWAY * self._confirmations
