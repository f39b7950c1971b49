"""A live venue with paper beside it: each outcome says what the paper venue would have made of the same order."""

import threading
from collections.abc import Callable

from buyer.domain.book_matching import paper_beside
from buyer.execution.venue_port import Venue
from shared.domain.market import Book, MarketFacts
from shared.ledger.gated_commit import GateTurns
from shared.messages.decisions import Order, Outcome


class _BookBefore(threading.local):
    """Whose book a thread looked at last, while its order's intent was written, and the book."""

    order_id = ""
    book: Book | None = None


class ShadowedVenue:
    """Places orders at `venue`; `book_at_hand` never asks anybody, and is asked while the server writes the intent."""

    def __init__(
        self, venue: Venue, book_at_hand: Callable[[str], Book | None], turns: GateTurns | None = None
    ) -> None:
        self._venue, self._book_at_hand, self._turns = venue, book_at_hand, turns
        self._before = _BookBefore()

    def prepare(self, order: Order, facts: MarketFacts, made_at_ms: int) -> str:
        """Return what the venue will send."""
        prepared, self._before.order_id = self._venue.prepare(order, facts, made_at_ms), ""
        if self._turns is not None:
            make = self._turns.meanwhile
            self._turns.meanwhile = lambda: (make(), self._note_book(order))
        return prepared

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        """Return what became of an order at the venue."""
        return self._venue.find(order, facts, prepared)

    def place(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        """Place `order`, and record paper's outcome on the book of the moment before: afterwards it holds our own fill.

        Raises:
            OutcomeUnknown: as the venue does.
        """
        if self._before.order_id != order.id:
            self._note_book(order)
        return paper_beside(self._venue.place(order, facts, prepared), order, self._before.book, facts)

    def _note_book(self, order: Order) -> None:
        self._before.order_id, self._before.book = order.id, self._book_at_hand(order.token_id)
