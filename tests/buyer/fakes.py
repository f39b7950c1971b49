"""Fakes at the buyer's ports."""

from collections.abc import Callable

from msgspec.structs import replace

from buyer.execution.venue_port import UnsignedVenue
from shared.domain.errors import OutcomeUnknown
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Usdc, cost_micro
from shared.messages.decisions import Order, Outcome
from tests.buyer.builders import a_book, a_market


class FakePrices:
    """One market and one book, until a test takes them away."""

    def __init__(self, market: MarketFacts | None = None, book: Book | None = None) -> None:
        self.market: MarketFacts | None = market or a_market()
        self.next_book: Book | None = book or a_book()
        self.asked = 0

    def outcome(self, token_id: str) -> str:
        """Show another outcome of the same market from now on, with the same book."""
        assert self.market is not None
        assert self.next_book is not None
        self.market = replace(self.market, token_id=token_id)
        book = self.next_book
        self.next_book = Book.of(token_id, book.at_ms, list(book.bids), list(book.asks))
        return token_id

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        return (self.market, "") if self.market else (None, f"facts: nobody knows {token_id}")

    def book(self, token_id: str) -> tuple[Book | None, str]:
        self.asked += 1
        return (self.next_book, "") if self.next_book else (None, f"book: no book of {token_id}")


class FakeVenue(UnsignedVenue):
    """Fills every order whole at its limit, without fees; remembers each, and can crash after taking one."""

    def __init__(self) -> None:
        self.placed: list[Order] = []
        self.before: Callable[[Order], None] = lambda _: None
        self.unknown = 0

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        del prepared
        self.before(order)
        self.placed.append(order)
        if self.unknown:
            self.unknown -= 1
            raise OutcomeUnknown(f"order {order.id} may stand on {facts.condition_id}")
        usdc = cost_micro(order.shares, order.limit_price)
        return Outcome(state="MATCHED", shares=order.shares, usdc=usdc, fee=Usdc(0), reason="filled")
