"""Where orders go, as the buyer needs it."""

from typing import Protocol

from shared.events import Order, Outcome
from shared.market import Book, MarketFacts


class Venue(Protocol):
    """Takes an order and says what became of it."""

    def place(self, order: Order, facts: MarketFacts) -> Outcome:
        """Place `order`, or find out what became of it when it was placed before (same id, same order).

        Raises:
            OutcomeUnknown: it may or may not have been taken; place the same order again later, never another one.
        """
        ...


class Prices(Protocol):
    """Market facts and books, as the buyer needs them. None with a reason is what could not be found out."""

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return the token's facts."""
        ...

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the token's book as it is now."""
        ...
