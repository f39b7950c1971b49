"""A venue that fills orders from the real book, with fees, without an account."""

import threading

from buyer.venue.matching import nothing, outcome_of
from buyer.venue.port import Prices
from shared.clock import Clock
from shared.errors import Unavailable
from shared.events import Order, Outcome
from shared.market import MarketFacts


class PaperVenue:
    """Walks the book that stands when the order arrives, not the one the decision saw; kills the rest (FAK).

    Placing the same order again has no effect outside, so recovery after a crash simply places it again. What it
    takes stays in the real book: two orders that hit one level at the same time both get it, which reality would not.
    """

    def __init__(self, prices: Prices, *, clock: Clock, stop: threading.Event, latency_s: float = 0.0) -> None:
        self._prices, self._clock, self._stop = prices, clock, stop
        self._latency_s = latency_s

    def place(self, order: Order, facts: MarketFacts) -> Outcome:
        """Wait the configured latency, then fill from the book of that moment.

        Raises:
            Unavailable: told to stop while the order was on its way; the next start places it again.
        """
        if self._latency_s and self._clock.wait(self._stop, self._latency_s):
            raise Unavailable("paper: stopping while the order was on its way, placed again at the next start")
        book, problem = self._prices.book(order.token_id)
        return outcome_of(order, book, facts) if book else nothing(f"no book: {problem}", None)
