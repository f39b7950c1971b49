"""A live venue with paper beside it: each outcome says what the paper venue would have made of the same order."""

from collections.abc import Callable

from buyer.venue.matching import beside
from buyer.venue.port import Venue
from shared.events import Order, Outcome
from shared.market import Book, MarketFacts


class Shadowed:
    """Places orders at `venue`; `book_at_hand` never asks anybody, so the comparison costs the order no time."""

    def __init__(self, venue: Venue, book_at_hand: Callable[[str], Book | None]) -> None:
        self._venue, self._book_at_hand = venue, book_at_hand

    def place(self, order: Order, facts: MarketFacts) -> Outcome:
        """Place `order`, and record paper's outcome on the book of the moment before: afterwards it holds our own fill.

        Raises:
            OutcomeUnknown: as the venue does.
        """
        book = self._book_at_hand(order.token_id)
        return beside(self._venue.place(order, facts), order, book, facts)
