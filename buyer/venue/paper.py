"""A venue that fills orders from the real book, with fees, without an account."""

import threading

from buyer.fills import Filled, acceptable, meet, off_grid
from buyer.venue.port import Prices
from shared.clock import Clock
from shared.events import Order, Outcome
from shared.market import Book, MarketFacts
from shared.money import from_micro, to_micro


class PaperVenue:
    """Walks the book that stands when the order arrives, not the one the decision saw; kills the rest (FAK).

    Placing the same order again has no effect outside, so recovery after a crash simply places it again.
    """

    def __init__(self, prices: Prices, *, clock: Clock, stop: threading.Event, latency_s: float = 0.0) -> None:
        self._prices, self._clock, self._stop = prices, clock, stop
        self._latency_s = latency_s

    def place(self, order: Order, facts: MarketFacts) -> Outcome:
        """Wait the configured latency, then fill from the book of that moment."""
        if self._latency_s:
            self._clock.wait(self._stop, self._latency_s)
        book, problem = self._prices.book(order.token_id)
        if book is None:
            return _nothing(f"no book: {problem}", None)
        refused = off_grid(order, book)
        if refused:
            return _nothing(refused, book.bare())
        filled, met = meet(order, book, facts), _reachable(book, order)
        return _matched(filled, order, met) if filled.shares else _nothing("no orders found to match", met)


def _reachable(book: Book, order: Order) -> Book:
    """Return only the levels this order could hit: all that its outcome depends on."""
    levels = tuple(
        level for level in book.against(order.side) if acceptable(level.price, order.side, order.limit_price)
    )
    return book.bare().model_copy(update={"asks" if order.side == "BUY" else "bids": levels})


def _matched(filled: Filled, order: Order, met: Book) -> Outcome:
    full = filled.shares == to_micro(order.shares)
    return Outcome(
        state="MATCHED",
        shares=from_micro(filled.shares),
        usdc=from_micro(filled.usdc),
        fee=from_micro(filled.fee),
        reason="filled" if full else "partly filled, the rest killed",
        book=met,
    )


def _nothing(reason: str, met: Book | None) -> Outcome:
    return Outcome(
        state="REJECTED", shares=from_micro(0), usdc=from_micro(0), fee=from_micro(0), reason=reason, book=met
    )
