"""What a decision looks at, and what follows from it. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from buyer.fills import Filled, walk
from buyer.limits import Limits
from buyer.sizing import TICKS, Size, buy_size, limit_price, sell_size
from shared.events import ActionableSignal, Portfolio
from shared.market import Book, MarketFacts
from shared.money import to_micro

T = TypeVar("T")


class NotEvaluated(Exception):
    """A rule lacks something it needs; it fails, and nothing is bought."""


@dataclass(frozen=True)
class Case:
    """All a decision may look at; None is what could not be found out, and `problems` says why."""

    signal: ActionableSignal
    market: MarketFacts | None
    book: Book | None
    portfolio: Portfolio | None
    limits: Limits
    now_ms: int
    problems: tuple[str, ...] = ()

    @cached_property
    def facts(self) -> MarketFacts:
        """Return the market's facts, or fail the rule that asks."""
        return known(self.market, "the market's facts are")

    @cached_property
    def seen_book(self) -> Book:
        """Return the book, or fail the rule that asks."""
        return known(self.book, "the book is")

    @cached_property
    def balances(self) -> Portfolio:
        """Return the balances, or fail the rule that asks."""
        return known(self.portfolio, "the balances are")

    @cached_property
    def tick(self) -> Decimal:
        """Return the grid prices stand on now: the book's own word, else the market's (it changes, trap 17)."""
        tick = (self.book.tick if self.book else None) or self.facts.tick
        if tick not in TICKS:
            raise NotEvaluated(f"tick {tick} is none that the venue knows")
        return tick

    @cached_property
    def limit(self) -> Decimal:
        """Return the worst price we accept."""
        allowed = self.limits
        return limit_price(
            self.signal.price,
            self.signal.side,
            self.tick,
            allowed.max_slippage_ticks,
            allowed.max_slippage_pct,
        )

    @cached_property
    def size(self) -> Size:
        """Return what we would order."""
        if self.signal.side == "SELL":
            return Size(sell_size(to_micro(self.balances.lot_shares)), 0)
        return buy_size(self.limits.stake_usdc, self.limit, self.facts, bump=self.limits.bump_to_minimum)

    @cached_property
    def expected(self) -> Filled:
        """Return what the book we saw would give us."""
        side, size = self.signal.side, self.size
        budget = size.budget if side == "BUY" else None
        return walk(self.seen_book.against(side), side, to_micro(size.shares), self.limit, budget, self.facts)


def known(value: T | None, what: str) -> T:
    """Return `value`, or fail the rule that needs it.

    Raises:
        NotEvaluated: nobody could find it out.
    """
    if value is None:
        raise NotEvaluated(f"{what} not known")
    return value
