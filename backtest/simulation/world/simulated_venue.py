"""Prices and a venue as the buyer meets them in a run, over what is known at the clock's moment.

They are the buyer's own ports (`buyer/execution/venue_port.py`), so the engine that decides is the live one.
"""

from collections.abc import Callable

from msgspec import Struct

from backtest.domain.market_state import MARKET_CLOSED, MarketState
from backtest.domain.price_model import NO_QUOTE, ModelQuote, PriceQuotes
from buyer.domain.book_matching import venue_refusal
from buyer.execution.venue_port import UnsignedVenue
from buyer.strategy.fill_model import NOTHING, ModelFill, meet_book
from shared.clock import Clock, ManualClock
from shared.domain.market import Book, MarketFacts
from shared.messages.decisions import Order, Outcome


class RunClock(ManualClock):
    """A clock that one thread sets, millions of times."""

    def set(self, now_ms: int) -> None:
        """Jump to `now_ms`."""
        self._now_ms = now_ms


class MetOrder(Struct, frozen=True, gc=False):
    """What an order met when it arrived."""

    at_ms: int
    quote: ModelQuote
    filled: ModelFill


NOWHERE = MetOrder(0, NO_QUOTE, NOTHING)


class SimulatedWorld:
    """Answers as the upstreams would now; `signal_id` names the trade whose own price proves nothing new."""

    def __init__(self, quotes: PriceQuotes, markets: MarketState, clock: Clock) -> None:
        self._quotes, self._markets, self._clock = quotes, markets, clock
        self.signal_id = ""
        self.quote = NO_QUOTE

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return what is known of the market."""
        facts = self._markets.facts_of(token_id)
        return facts, "" if facts else "facts: nothing recorded"

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the recorded book, or the model's."""
        facts = self._markets.facts_of(token_id)
        if facts is None:
            return None, "book: nothing recorded"
        self.quote = self._quotes.quote_at(token_id, facts, self._clock.now_ms(), self.signal_id)
        return self.quote.book, "" if self.quote.book else "book: no price is known"

    def book_at(self, token_id: str, at_ms: int) -> tuple[MarketFacts | None, Book | None]:
        """Return a token's facts and the book that stands at a moment, for nobody's trade."""
        facts = self._markets.facts_of(token_id)
        return facts, self._quotes.quote_at(token_id, facts, at_ms, "").book if facts else None


class PaperMarket(UnsignedVenue):
    """A venue whose orders travel for `latency_ms` and then meet the book of that moment; the rest is killed."""

    def __init__(self, world: SimulatedWorld, clock: Clock, latency_ms: int, pass_time: Callable[[int], None]) -> None:
        self._world, self._clock = world, clock
        self._latency_ms, self._pass_time = latency_ms, pass_time
        self.met = NOWHERE

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        """Let the order travel, then fill what stands there."""
        del facts, prepared
        at_ms = self._clock.now_ms() + self._latency_ms
        self._pass_time(at_ms)
        now, _ = self._world.facts(order.token_id)
        book, problem = self._world.book(order.token_id)
        filled, refusal = (NOTHING, problem) if now is None or book is None else _met(order, book, now)
        self.met = MetOrder(at_ms, self._world.quote, filled)
        return Outcome(
            state="REJECTED" if refusal else "MATCHED",
            shares=filled.shares,
            usdc=filled.usdc,
            fee=filled.fee,
            reason=refusal or "filled",
            book=None,
            order_hash="",
            trade_ids=(),
            paper=None,
        )


def _met(order: Order, book: Book, facts: MarketFacts) -> tuple[ModelFill, str]:
    """Return what the venue fills, and its word when that is nothing."""
    refused = MARKET_CLOSED if facts.closed else venue_refusal(order, book)
    filled = NOTHING if refused else meet_book(order, book, facts)
    return filled, refused or ("" if filled.shares else "no orders found to match")
