"""The liquidity that paper orders took: books do not show it, so two orders would otherwise get the same shares."""

from collections import OrderedDict
from dataclasses import dataclass, field

from msgspec.structs import replace

from shared.domain.market import Book, Level, Side
from shared.domain.money import Price, Shares
from shared.messages.decisions import Order

MOST_SIDES = 4000
"""Sides of books remembered; the one used longest ago goes first."""


@dataclass
class _Level:
    """A level as it was when something was taken from it, and how many shares each order took."""

    shares: Shares
    by_order: dict[str, Shares] = field(default_factory=dict[str, Shares])

    def left(self, order_id: str) -> Shares:
        """Return what there is for this order: all that others have not taken."""
        others = sum((shares for name, shares in self.by_order.items() if name != order_id), Shares(0))
        return Shares(max(0, self.shares - others))


class TakenLiquidity:
    """Remembers by level: what was taken is gone until the level's size changes, by whomever. One thread owns it.

    An order that is placed again, as after a crash, meets what it met before. A restart forgets.
    """

    def __init__(self) -> None:
        self._sides: OrderedDict[tuple[str, Side], dict[Price, _Level]] = OrderedDict()

    def left_for(self, order: Order, book: Book) -> Book:
        """Return `book` without what other orders took and nobody put back; one nobody should trade on as it is."""
        known = self._still_there(order, book)
        if not known or book.crossed:
            return book
        levels = (_left(level, known.get(level.price), order.id) for level in book.against(order.side))
        name = "asks" if order.side == "BUY" else "bids"
        return replace(book, **{name: tuple(level for level in levels if level.shares > 0)})

    def note(self, order: Order, book: Book, left: Book, shares: Shares) -> None:
        """Remember that `order` took `shares` of `left`, which is what there was of `book` for it."""
        if shares <= 0:
            return
        known = self._sides.setdefault((order.token_id, order.side), {})
        for level in known.values():
            level.by_order.pop(order.id, None)
        sizes = {level.price: level.shares for level in book.against(order.side)}
        wanted = shares
        for level in left.against(order.side):
            piece = min(wanted, level.shares)
            if piece <= 0:
                break
            wanted -= piece
            known.setdefault(level.price, _Level(sizes[level.price])).by_order[order.id] = piece
        self._bound()

    def _still_there(self, order: Order, book: Book) -> dict[Price, _Level]:
        """Forget the levels that changed or left; return the others."""
        known = self._sides.get((order.token_id, order.side))
        if not known:
            return {}
        self._sides.move_to_end((order.token_id, order.side))
        sizes = {level.price: level.shares for level in book.against(order.side)}
        for price in [price for price, level in known.items() if sizes.get(price) != level.shares]:
            del known[price]
        return known

    def _bound(self) -> None:
        while len(self._sides) > MOST_SIDES:
            self._sides.popitem(last=False)


def _left(level: Level, known: _Level | None, order_id: str) -> Level:
    return level if known is None else Level(price=level.price, shares=known.left(order_id))
