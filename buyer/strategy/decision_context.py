"""The inputs of one decision, and the values that follow from them. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

from buyer.strategy.cached_value import cached_property
from buyer.strategy.exit_policy import opened_by
from buyer.strategy.exits.exit_floor import FloorBasis, fee_floor, floor_price, lot_basis, on_grid
from buyer.strategy.exits.mirrored_sales import MirroredSell, mirrored_sell
from buyer.strategy.fill_model import ModelFill, acceptable_levels, walk_book
from buyer.strategy.limits import TradingLimits
from buyer.strategy.rule import Judged, NotEvaluated, required_value
from buyer.strategy.sizing import (
    TICKS,
    OrderSize,
    StakeBasis,
    buy_size,
    cut_stake,
    exit_limit,
    least_shares,
    limit_price,
    sell_size,
    share_cost,
    spend_ceiling,
    stake_for,
)
from shared.domain.market import Book, Level, MarketFacts, Side
from shared.domain.money import MICRO, Price, Shares, Usdc, micro_text, places_of, price_of
from shared.messages.decisions import ExitTask, OpenLosses, OthersPaid, Portfolio, Trade
from shared.messages.signals import ActionableSignal


def nobody_paid() -> OthersPaid | None:
    """Return that nobody can tell what others paid."""
    return None


Traded = Trade | ActionableSignal
"""A leader's trade: its `usdc`, `shares` and `price`."""


class ContextBase(Judged, ABC):
    """What every decision may look at; None is what could not be found out, and `problems` says why.

    What follows from it is reckoned when the first rule asks, and kept. Nothing in it is ever changed.
    """

    facts: MarketFacts
    seen_book: Book
    balances: Portfolio
    """These three are there where they are known; looking at one that is not fails the rule that looks."""
    levels: tuple[Level, ...]
    """What we could trade with, best first: of the book."""
    best_bid: Price
    best_ask: Price
    """The highest price that somebody pays, and the lowest that somebody asks, where anybody does."""
    side: Side
    """Ours."""

    def __init__(
        self,
        market: MarketFacts | None,
        book: Book | None,
        portfolio: Portfolio | None,
        limits: TradingLimits,
        now_ms: int,
        problems: tuple[str, ...],
        side: Side,
        token_id: str,
    ) -> None:
        """Build it; `token_id` is what is to be traded."""
        self.market, self.book, self.portfolio = market, book, portfolio
        self.limits, self.now_ms, self.problems = limits, now_ms, problems
        self.side, self.token_id = side, token_id
        if market is not None:
            self.facts = market
        if portfolio is not None:
            self.balances = portfolio
        if book is not None:
            bids, asks = book.bids, book.asks
            self.seen_book, self.levels = book, asks if side == "BUY" else bids
            if bids:
                self.best_bid = bids[0].price
            if asks:
                self.best_ask = asks[0].price
            if market is not None and (tick := book.tick or market.tick) in TICKS:
                self.tick = tick

    @property
    def asked(self) -> tuple[OpenLosses | None, OthersPaid | None]:
        """Return what some rule asked for: what open lots have lost, and what others paid."""
        found = vars(self)
        return found.get("lost"), found.get("others_paid")

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


class DecisionContext(ContextBase):
    """A leader's signal."""

    def __init__(
        self,
        market: MarketFacts | None,
        book: Book | None,
        portfolio: Portfolio | None,
        limits: TradingLimits,
        now_ms: int,
        problems: tuple[str, ...],
        signal: ActionableSignal,
        losses: Callable[[], OpenLosses] | None = None,
        others: Callable[[], OthersPaid | None] = nobody_paid,
    ) -> None:
        """Build it: the leader's side and token are ours.

        `losses` asks what open lots have lost; None where that cannot be found out. `others` asks what others paid for
        the token lately, which may be unknown.
        """
        super().__init__(market, book, portfolio, limits, now_ms, problems, signal.side, signal.token_id)
        self.signal, self._losses, self._others = signal, losses, others
        if portfolio is not None and portfolio.gathered is None:
            self.trade = signal

    @cached_property
    def lost(self) -> OpenLosses:
        """Return what open lots have lost."""
        return required_value(self._losses, "the losses of open lots are")()

    @cached_property
    def others_paid(self) -> OthersPaid | None:
        """Return what others paid for the token lately; None where nobody can tell."""
        return self._others()

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
        trade, bankroll, dearest = self.trade, self.balances.bankroll, partial(share_cost, self.limit, self.facts)
        return cut_stake(stake_for(StakeBasis(trade, bankroll, dearest, self.limits)), self.signal, self.limits)

    @cached_property
    def sale(self) -> MirroredSell:
        """Return what of our lot goes when the leader sells."""
        return mirrored_sell(self.signal, self.balances, self.limits.mirror_sells)

    @cached_property
    def size(self) -> OrderSize:
        """Return what we would order."""
        if self.side == "SELL":
            return OrderSize(sell_size(min(self.sale.sell, self.balances.wallet_lot)))
        limits = self.limits
        bump_to = spend_ceiling(limits, self.balances.bankroll) if limits.bump_to_minimum else 0
        return buy_size(self.stake, self.limit, self.facts, bump_to)

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


class ExitContext(ContextBase):
    """One attempt of an exit."""

    def __init__(
        self,
        market: MarketFacts | None,
        book: Book | None,
        portfolio: Portfolio | None,
        limits: TradingLimits,
        now_ms: int,
        problems: tuple[str, ...],
        task: ExitTask,
    ) -> None:
        """Build it: what is held is sold."""
        super().__init__(market, book, portfolio, limits, now_ms, problems, "SELL", task.token_id)
        self.task = task

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
    allowed = case.limits
    payable = fee_floor(case.best_bid, case.facts, allowed.exchange_fee_cap_bps)
    floor = max(floor_price(case.task, allowed), payable, limit)
    return Price(min(on_grid(floor, case.tick), MICRO - case.tick))
