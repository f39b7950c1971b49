"""Markets and their events, as the venue lists and resolves them."""

from dataclasses import dataclass, field
from decimal import Decimal

from simulator.core import identity
from simulator.core.amounts import MICRO, PRICE_ONE, TICKS
from simulator.core.book import Book, Side

Payouts = tuple[int, int]


@dataclass(frozen=True)
class Resolution:
    """How a market ended, and when each source learns of it."""

    payouts: Payouts
    decided_at_ms: int
    block: int
    chain_at_ms: int
    gamma_at_ms: int
    redeemable_at_ms: int

    def share(self, outcome: int) -> Decimal:
        """Return what one share of an outcome pays."""
        return Decimal(self.payouts[outcome]) / sum(self.payouts)

    @property
    def winner(self) -> int | None:
        """Return the winning outcome, None for a split payout."""
        return self.payouts.index(max(self.payouts)) if 0 in self.payouts else None


@dataclass(eq=False)
class Event:
    """A group of markets: one question, or the options of a neg-risk event."""

    number: int
    slug: str
    title: str
    neg_risk: bool = False
    markets: list["Market"] = field(default_factory=list["Market"])


@dataclass(eq=False, kw_only=True)
class Market:
    """A binary market with its book.

    The crowd rests orders for the tokens of `quoted_outcome` alone: who buys the other meets its buyers, a MINT.
    """

    number: int
    slug: str
    question: str
    event: Event
    condition_id: str
    tokens: tuple[str, str]
    outcomes: tuple[str, str] = ("Yes", "No")
    icon: str = "https://polymarket-upload.s3.us-east-2.amazonaws.com/icon.png"
    category: str = "Other"
    tick: int = TICKS["0.01"]
    min_size: int = 5 * MICRO
    fee_rate: Decimal = Decimal(0)
    fee_exponent: Decimal = Decimal(1)
    delay_s: float = 0
    quoted: bool = True
    quoted_outcome: int = 0
    start_ms: int = 0
    end_ms: int = 0
    fair: int = PRICE_ONE // 2
    book: Book = field(default_factory=Book)
    book_at_ms: int = 0
    last_price: int | None = None
    last_side: Side | None = None
    volume: int = 0
    resolution: Resolution | None = None

    @property
    def neg_risk(self) -> bool:
        """Tell whether the neg-risk exchange settles this market."""
        return self.event.neg_risk

    @property
    def question_id(self) -> str:
        """Return the id the oracle knows the market by."""
        return identity.hash32("question", self.condition_id)

    def outcome_of(self, token_id: str) -> int:
        """Return which outcome a token stands for."""
        return self.tokens.index(token_id)

    def trading(self, now_ms: int) -> bool:
        """Tell whether the book is open."""
        return self.resolution is None or now_ms < self.resolution.decided_at_ms

    def closed(self, now_ms: int) -> bool:
        """Tell whether Gamma shows the market as closed."""
        return self.resolution is not None and now_ms >= self.resolution.gamma_at_ms

    def on_chain(self, now_ms: int) -> Resolution | None:
        """Return the resolution once the chain holds its payouts."""
        known = self.resolution
        return known if known and now_ms >= known.chain_at_ms else None

    def redeemable(self, now_ms: int) -> bool:
        """Tell whether the Data API calls holdings redeemable."""
        return self.resolution is not None and now_ms >= self.resolution.redeemable_at_ms

    def price(self, outcome: int) -> int:
        """Return an outcome's going price in units."""
        middle = self.book.middle(outcome)
        if middle is not None:
            return round(middle)
        return self.fair if outcome == 0 else PRICE_ONE - self.fair

    def worth(self, outcome: int, now_ms: int) -> Decimal:
        """Return what a share is worth: the payout once closed, else the price."""
        if self.resolution and self.closed(now_ms):
            return self.resolution.share(outcome)
        return Decimal(self.price(outcome)) / PRICE_ONE


class Catalog:
    """All markets, found by any of their ids."""

    def __init__(self) -> None:
        """Start empty."""
        self.events: list[Event] = []
        self.markets: list[Market] = []
        self.by_condition: dict[str, Market] = {}
        self.by_token: dict[str, Market] = {}
        self.by_slug: dict[str, Market] = {}

    def open_event(self, slug: str, title: str, *, neg_risk: bool = False) -> Event:
        """List a new event."""
        event = Event(20_000 + len(self.events), slug, title, neg_risk)
        self.events.append(event)
        return event

    def next_number(self) -> int:
        """Return the id the next market gets."""
        return 500_000 + len(self.markets)

    def add(self, market: Market) -> Market:
        """List a market under all its ids."""
        self.markets.append(market)
        market.event.markets.append(market)
        self.by_condition[market.condition_id] = market
        self.by_slug[market.slug] = market
        for token_id in market.tokens:
            self.by_token[token_id] = market
        return market
