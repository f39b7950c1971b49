"""The ports of the executor: the venue that takes its orders, the source of its prices, and who lets buys go out."""

from typing import Protocol

from shared.domain.market import Book, MarketFacts
from shared.messages.decisions import Order, Outcome


class Venue(Protocol):
    """Takes an order and says what became of it.

    What `prepare` returns is kept with the intent, so that a restart sends the same bytes and never another order.
    """

    def prepare(self, order: Order, facts: MarketFacts, made_at_ms: int, /) -> str:
        """Return exactly what will be sent, made from these three alone; '' where nothing needs to be kept.

        Raises:
            Unavailable: stopping; nothing was sent.
            Malformed: the venue has no such order (a price off the grid); nothing was sent.
        """
        ...

    def place(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        """Send what was prepared, for the first time or again.

        Raises:
            OutcomeUnknown: it may or may not have been taken; send the same again later, never another one.
        """
        ...

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        """Return what became of an order that may have been sent; None when the venue never took it.

        Raises:
            TryAgain, OutcomeUnknown: it could not be found out; ask again later.
        """
        ...


class UnsignedVenue:
    """What a venue without an outside has: nothing to sign, nothing to find."""

    def prepare(self, order: Order, facts: MarketFacts, made_at_ms: int, /) -> str:
        """Return nothing to keep."""
        del order, facts, made_at_ms
        return ""

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        """Return None: nothing stands anywhere."""
        del order, facts, prepared


class PriceSource(Protocol):
    """Market facts and books, as the buyer needs them. None with a reason is what could not be found out."""

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return the token's facts."""
        ...

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the token's book as it is now."""
        ...


class BuyPermission(Protocol):
    """Says whether buys may be sent."""

    def waits_for(self) -> str:
        """Return what they wait for, '' when they may be sent."""
        ...

    def admit(self) -> None:
        """Let a buy through, or raise `TryAgain`."""
        ...
