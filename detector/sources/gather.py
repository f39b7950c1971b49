"""Push messages as views: pure.

A push message is one row, and equal rows of one transaction can be two real fills (trap 7). So the rows that one
connection brings of one transaction are put together: each makes its view larger by one, and the matcher merges views
by their largest multiplicity. Another connection begins views of its own, so what is repeated after a reconnect, or
told by the standby too, counts once.

The rows of one transaction come together. One that comes `within_ms` later than the last is a repeat (the transaction
was mined again, or the feed replays) and begins a new view: at worst a fill is left for another source to show, never
one counted twice.
"""

from collections import OrderedDict
from dataclasses import dataclass

from shared.polymarket.fills import LeaderFill

WITHIN_MS = 2000
MOST = 1024
"""Transactions that one connection is in the middle of."""


@dataclass(slots=True)
class _Growing:
    number: int
    touched_at_ms: int
    fills: tuple[LeaderFill, ...] = ()


class Gather:
    """What one connection told of each leader's latest transactions."""

    def __init__(self, *, within_ms: int = WITHIN_MS, most: int = MOST) -> None:
        self._within_ms, self._most = within_ms, most
        self._growing: OrderedDict[tuple[str, str], _Growing] = OrderedDict()
        self._begun = 0

    def take(self, fill: LeaderFill, now_ms: int) -> tuple[int, tuple[LeaderFill, ...]]:
        """Take in one row; return its view's number, which stays while it grows, and the view, this row included."""
        key = (fill.leader, fill.tx_hash)
        known = self._growing.get(key)
        if known is None or abs(now_ms - known.touched_at_ms) > self._within_ms:
            self._begun += 1
            known = self._growing[key] = _Growing(self._begun, now_ms)
        known.fills = (*known.fills, fill)
        known.touched_at_ms = now_ms
        self._growing.move_to_end(key)
        while len(self._growing) > self._most:
            self._growing.popitem(last=False)
        return known.number, known.fills
