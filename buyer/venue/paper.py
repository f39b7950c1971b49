"""A venue that fills orders from the real book, with fees, without an account."""

import threading

from buyer.domain.book_matching import nothing_filled, outcome_of
from buyer.execution.order_transit import STOPPING
from buyer.execution.venue_port import PriceSource, UnsignedVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.market import MarketFacts
from shared.messages.decisions import Order, Outcome


class PaperVenue(UnsignedVenue):
    """Walks the book that stands when the order arrives, not the one the decision saw; kills the rest (FAK).

    Placing the same order again has no effect outside, so recovery after a crash simply places it again. What it
    takes stays in the real book, so it is remembered in `taken` and gone for later orders until the level changes; the
    outcome holds the book without it. A replay has no `taken`: what it places orders on is what they met. Where orders
    travel side by side (`Transit`), they have waited when they are placed, and there is no latency left.
    """

    def __init__(
        self,
        prices: PriceSource,
        *,
        clock: Clock,
        stop: threading.Event,
        latency_s: float = 0.0,
        taken: TakenLiquidity | None = None,
    ) -> None:
        self._prices, self._clock, self._stop = prices, clock, stop
        self._latency_s, self._taken = latency_s, taken

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        """Wait the configured latency, then fill from the book of that moment.

        Raises:
            Unavailable: told to stop while the order was on its way; the next start places it again.
        """
        del prepared
        if self._latency_s and self._clock.wait(self._stop, self._latency_s):
            raise Unavailable(STOPPING)
        book, problem = self._prices.book(order.token_id)
        if book is None:
            return nothing_filled(f"no book: {problem}", None)
        if self._taken is None:
            return outcome_of(order, book, facts)
        left = self._taken.left_for(order, book)
        outcome = outcome_of(order, left, facts)
        self._taken.note(order, book, left, outcome.shares)
        return outcome
