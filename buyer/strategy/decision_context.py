"""The inputs of one decision, and the values that follow from them. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from buyer.strategy.cached_value import cached_property
from buyer.strategy.exit_policy import opened_by
from buyer.strategy.exits.exit_floor import FloorBasis, fee_floor, floor_price, lot_basis, on_grid
from buyer.strategy.exits.mirrored_sales import MirroredSell, mirrored_sell
from buyer.strategy.fill_model import ModelFill, acceptable_levels, walk_book
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import (
    TICKS,
    OrderSize,
    StakeBasis,
    buy_size,
    exit_limit,
    least_shares,
    limit_price,
    sell_size,
    share_cost,
    spend_ceiling,
    stake_for,
)
from shared.domain.errors import Malformed
from shared.domain.market import Book, Level, MarketFacts, Side
from shared.domain.money import MICRO, Price, Shares, Usdc, micro_text, places_of, price_of
from shared.messages.decisions import ExitTask, OpenLosses, OthersPaid, Portfolio, Trade
from shared.messages.signals import ActionableSignal

T = TypeVar("T")
Shown = str | int | tuple[int, int]
"""What a rule shows: a text, micro-units, or a sum of them."""


Passes = Callable[[Any], bool]
Shows = Callable[[Any], tuple[Shown, Shown]]


CanFail = Callable[[TradingLimits], object]


def _always(_limits: TradingLimits) -> bool:
    return True


class Rule(NamedTuple):
    """Says whether a case passes, and shows what it saw and what it allows, to whoever reads that.

    Under limits that it `can_fail` under no case, where no rule before it failed, nobody needs to ask it for a verdict.
    """

    passes: Passes
    shows: Shows
    can_fail: CanFail = _always


def rule(shows: Shows, can_fail: CanFail = _always) -> Callable[[Passes], Rule]:
    """Make a function that says whether a case passes a rule, which shows this of it."""
    return lambda passes: Rule(passes, shows, can_fail)


Traded = Trade | ActionableSignal
"""A leader's trade: its `usdc`, `shares` and `price`."""


class NotEvaluated(Exception):
    """A rule lacks something it needs; it fails, and nothing is bought."""


UNKNOWN = (NotEvaluated, ArithmeticError, ValueError, Malformed, AttributeError)
"""What keeps a rule from being evaluated; `why_unknown` tells it, and passes on what is a mistake of ours."""


_INPUTS = {
    "facts": "the market's facts are",
    "seen_book": "the book is",
    "levels": "the book is",
    "balances": "the balances are",
}


def why_unknown(error: Exception) -> str:
    """Return what kept a rule from being evaluated, in words: `UNKNOWN` holds what it may be.

    Raises:
        AttributeError: it is no input that is missing.
    """
    if isinstance(error, AttributeError):
        if error.name not in _INPUTS or not isinstance(error.obj, ContextBase):
            raise error
        return f"{_INPUTS[error.name]} not known"
    return str(error)


@dataclass(eq=False)
class ContextBase(ABC):
    """What every decision may look at; None is what could not be found out, and `problems` says why.

    What follows from it is reckoned when the first rule asks, and kept. Nothing in it is ever changed.
    """

    market: MarketFacts | None
    book: Book | None
    portfolio: Portfolio | None
    limits: TradingLimits
    now_ms: int
    problems: tuple[str, ...]
    facts: MarketFacts = field(init=False)
    seen_book: Book = field(init=False)
    balances: Portfolio = field(init=False)
    """These three are there where they are known; looking at one that is not fails the rule that looks."""
    levels: tuple[Level, ...] = field(init=False)
    """What we could trade with, best first: of the book."""
    side: Side = field(init=False)
    """Ours."""
    token_id: str = field(init=False)
    """What is to be traded."""

    def __post_init__(self) -> None:
        """Set what is known already."""
        if self.market is not None:
            self.facts = self.market
        if self.book is not None:
            self.seen_book, self.levels = self.book, self.book.against(self.side)
        if self.portfolio is not None:
            self.balances = self.portfolio

    @cached_property
    def best_bid(self) -> Price:
        """Return the highest price somebody pays."""
        return required_value(self.seen_book.best_bid, "the best bid is")

    @cached_property
    def best_ask(self) -> Price:
        """Return the lowest price somebody asks."""
        return required_value(self.seen_book.best_ask, "the best ask is")

    @cached_property
    def tick(self) -> Price:
        """Return the grid prices stand on now: the book's own word, else the market's (it changes, pitfall 17)."""
        tick = (self.book.tick if self.book else None) or self.facts.tick
        if tick not in TICKS:
            raise NotEvaluated(f"tick {micro_text(tick)} is none that the venue knows")
        return tick

    @cached_property
    @abstractmethod
    def limit(self) -> Price:
        """Return the worst price we accept."""

    @cached_property
    @abstractmethod
    def size(self) -> OrderSize:
        """Return what we would order."""

    @property
    def least(self) -> Shares:
        """Return the fewest shares that the venue takes."""
        return self.facts.min_shares

    @cached_property
    def expected(self) -> ModelFill:
        """Return what the book we saw would give us."""
        side, size = self.side, self.size
        budget = size.budget if side == "BUY" else None
        return walk_book(self.levels, side, size.shares, self.limit, budget, self.facts)


@dataclass(eq=False)
class DecisionContext(ContextBase):
    """A leader's signal."""

    signal: ActionableSignal
    losses: Callable[[], OpenLosses] | None = None
    """Asks what open lots have lost; None where that cannot be found out."""
    others: Callable[[], OthersPaid | None] = lambda: None
    """Asks what others paid for the token lately, which may be unknown."""

    def __post_init__(self) -> None:
        """Take the leader's side and token: they are ours."""
        self.side, self.token_id = self.signal.side, self.signal.token_id
        super().__post_init__()

    @cached_property
    def lost(self) -> OpenLosses:
        """Return what open lots have lost."""
        return required_value(self.losses, "the losses of open lots are")()

    @cached_property
    def others_paid(self) -> OthersPaid | None:
        """Return what others paid for the token lately; None where nobody can tell."""
        return self.others()

    @cached_property
    def trade(self) -> Traded:
        """Return the leader's trade, with what was gathered before it; its price is the average."""
        signal, gathered = self.signal, self.balances.gathered
        if gathered is None or signal.side == "SELL":
            return signal
        usdc, shares = signal.usdc + gathered.usdc, signal.shares + gathered.shares
        return Trade(usdc=usdc, shares=shares, price=price_of(usdc, shares))

    @cached_property
    def limit(self) -> Price:
        """Return the worst price we accept; what a leader merged has none of his, so it goes as any exit does."""
        allowed = self.limits
        if self.signal.cause == "MERGE":
            return _floored(exit_limit(self.best_bid, self.tick, allowed.exit_slippage_pct), self)
        slippage = (allowed.max_slippage_ticks, allowed.max_slippage_pct, allowed.slippage_bound)
        limit = limit_price(self.trade.price, self.side, self.tick, *slippage)
        return _floored(limit, self) if self.side == "SELL" else limit

    @cached_property
    def task(self) -> ExitTask:
        """Return the exit that the leader's sell opens."""
        return opened_by(self.signal, self.sale, self.basis, self.now_ms)

    @cached_property
    def basis(self) -> FloorBasis:
        """Return what the floor of such a sell hangs below."""
        return lot_basis(self.balances, self.signal.price)

    @cached_property
    def stake(self) -> Usdc:
        """Return the collateral to follow with."""
        return stake_for(self.wager)

    @cached_property
    def wager(self) -> StakeBasis:
        """Return what the stake is reckoned from."""
        return StakeBasis(self.trade, self.balances.bankroll, partial(share_cost, self.limit, self.facts), self.limits)

    @cached_property
    def sale(self) -> MirroredSell:
        """Return what of our lot goes when the leader sells."""
        return mirrored_sell(self.signal, self.balances, self.limits.mirror_sells)

    @cached_property
    def size(self) -> OrderSize:
        """Return what we would order."""
        if self.side == "SELL":
            return OrderSize(sell_size(min(self.sale.sell, self.balances.wallet_lot)))
        bump_to = spend_ceiling(self.wager) if self.limits.bump_to_minimum else 0
        return buy_size(self.stake, self.limit, self.facts, bump_to=bump_to)

    @property
    def least(self) -> Shares:
        """Return the fewest shares that the venue takes."""
        return self.facts.min_shares if self.side == "SELL" else least_shares(self.limit, self.facts.min_shares)

    @cached_property
    def depth(self) -> int:
        """Return the collateral that the book offers at our limit or better, in 10^-12 pUSD."""
        return sum(level.price * level.shares for level in self._offered)

    def depth_text(self) -> str:
        """Return it as it is printed: with the decimals of the longest of its products."""
        places = max((places_of(level.price) + places_of(level.shares) for level in self._offered), default=0)
        whole, rest = divmod(self.depth, MICRO**2)
        return f"{whole}.{rest:012d}"[: len(str(whole)) + 1 + places] if places else str(whole)

    @property
    def _offered(self) -> list[Level]:
        return [level for level in self.levels if acceptable_levels(level.price, self.side, self.limit)]


@dataclass(eq=False)
class ExitContext(ContextBase):
    """One attempt of an exit."""

    task: ExitTask

    def __post_init__(self) -> None:
        """Sell what is held."""
        self.side, self.token_id = "SELL", self.task.token_id
        super().__post_init__()

    @cached_property
    def limit(self) -> Price:
        """Return the lowest price to get out at."""
        return _floored(exit_limit(self.best_bid, self.tick, self.limits.exit_slippage_pct), self)

    @cached_property
    def size(self) -> OrderSize:
        """Return what is still to be sold."""
        held = self.balances
        return OrderSize(sell_size(min(held.lot_shares - self.task.keep, held.wallet_lot)))


Leaving = DecisionContext | ExitContext
"""What a sale is judged by: a leader's sell, or an attempt of an exit."""


def _floored(limit: Price, case: Leaving) -> Price:
    """Return the lowest price to sell at: never below the floor, nor where the exchange would refuse its fee."""
    if not case.limits.floors:
        return limit
    floor = max(floor_price(case.task, case.limits), fee_floor(case.best_bid, case.facts), limit)
    return Price(min(on_grid(floor, case.tick), MICRO - case.tick))


def required_value(value: T | None, what: str) -> T:
    """Return `value`, or fail the rule that needs it.

    Raises:
        NotEvaluated: nobody could find it out.
    """
    if value is None:
        raise NotEvaluated(f"{what} not known")
    return value
