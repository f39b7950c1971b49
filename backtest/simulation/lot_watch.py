"""What held lots were worth in a run: seen at each change of their prices, for between two changes nothing moves."""

from collections.abc import Callable

from buyer.execution.exits.lot_looks import LotLooks
from buyer.strategy.exits.lot_value import look_at
from shared.domain.market import Book, Level, MarketFacts
from shared.domain.money import Shares


class LotWatch:
    """The lots of a run by token; `moved` says whether the price of one changed since it was last set to False."""

    def __init__(
        self, looks: LotLooks, book_at: Callable[[str, int], tuple[MarketFacts | None, Book | None]], *, on: bool
    ) -> None:
        """Build it; `book_at` gives a token's facts and book at a moment; not `on`, it watches nothing."""
        self._looks, self._book_at, self._on = looks, book_at, on
        self._lots: dict[str, dict[str, int]] = {}
        self._seen: dict[str, tuple[Level, ...]] = {}
        self.moved = False

    def change(self, leader: str, token_id: str, shares: int) -> None:
        """Take in that so many micro-shares of a lot came or went."""
        self._seen.pop(token_id, None)
        lots = self._lots.setdefault(token_id, {})
        lots[leader] = lots.get(leader, 0) + shares
        if lots[leader] <= 0:
            self._looks.forget(leader, token_id)
            del lots[leader]
        if not lots:
            del self._lots[token_id]

    def see(self, token_id: str, at_ms: int) -> None:
        """Look at the lots of a token whose price changed just now."""
        lots = self._lots.get(token_id) if self._on else None
        if not lots:
            return
        facts, book = self._book_at(token_id, at_ms)
        if facts is None or book is None or book.bids is self._seen.get(token_id):
            return  # the same bids: the looks at them stand until others come
        self.moved, self._seen[token_id] = True, book.bids
        for leader, shares in lots.items():
            look = look_at(book, Shares(shares), facts, at_ms / 1000)
            if look is not None:
                self._looks.add(leader, token_id, look, steady=True)
