"""A walk through pages of trades that neither loses nor doubles a fill at their borders. Pure.

Trades of one second leave together, whatever the borders cut: while more is promised, the newest second is kept back
(exact cursors) or read again from its beginning (offsets, or a cursor that is missing or repeated). So a transaction is
seen whole, and identical rows in it are counted for what they are (pitfalls 4 and 7).
"""

from shared.domain.errors import Malformed
from shared.polymarket.wire.leader_fills import LeaderFill

Fills = tuple[LeaderFill, ...]


class PageWalker:
    """One poll's way: ask for a page at `start_s` and `cursor`, hand it to `add_page`, until `done`."""

    def __init__(self, start_s: int, *, exact_cursors: bool) -> None:
        self.start_s = start_s
        self.cursor = ""
        self.done = False
        self.stuck = False
        self._exact = exact_cursors
        self._kept_back: Fills = ()
        self._used = {""}

    def add_page(self, fills: Fills, next_cursor: str, *, has_more: bool) -> Fills:
        """Take in one page; return what is complete now.

        Raises:
            Malformed: the page is not oldest first: what it skips would be lost.
        """
        if fills and fills[0].traded_at_ms > fills[-1].traded_at_ms:
            raise Malformed("asked for the oldest rows first, got the newest first")
        fills = (*self._kept_back, *fills)
        # A cursor that was used before would lead round in a circle.
        follow = "" if next_cursor in self._used else next_cursor
        newest_s = max((second_of(fill) for fill in fills), default=self.start_s)
        if not has_more:
            return self._end_walk(fills)
        if self._exact and follow:
            return self._follow_cursor(fills, follow, newest_s)
        if newest_s > self.start_s:
            return self._start_again(fills, newest_s)
        if follow:
            return self._go_deeper(fills, follow)
        self.stuck = True
        return self._end_walk(fills)

    def _end_walk(self, fills: Fills) -> Fills:
        self.done = True
        self._kept_back = ()
        return fills

    def _follow_cursor(self, fills: Fills, cursor: str, newest_s: int) -> Fills:
        self.cursor = cursor
        self._used.add(cursor)
        self._kept_back = tuple(fill for fill in fills if second_of(fill) == newest_s)
        return tuple(fill for fill in fills if second_of(fill) != newest_s)

    def _start_again(self, fills: Fills, newest_s: int) -> Fills:
        self.start_s, self.cursor = newest_s, ""
        self._used = {""}
        self._kept_back = ()
        return tuple(fill for fill in fills if second_of(fill) != newest_s)

    def _go_deeper(self, fills: Fills, cursor: str) -> Fills:
        """Page inside one second that is larger than a page: its parts are views of their own."""
        self.cursor = cursor
        self._used.add(cursor)
        self._kept_back = ()
        return fills


def second_of(fill: LeaderFill) -> int:
    """Return when a fill was traded, in the venue's seconds."""
    return fill.traded_at_ms // 1000
