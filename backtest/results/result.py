"""The result of a backtest: frozen values in micro-units, written as JSON with amounts as decimal strings. Pure.

One micro-unit is 10^-6 of a share or of a pUSD; prices are micro-units of collateral for a whole share.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Annotated, NamedTuple

from pydantic import BaseModel, PlainSerializer

from backtest.domain.price_model import Evidence
from backtest.results.source_reading import SourceReading
from buyer.strategy.limits import TradingLimits
from shared.domain.money import from_micro

VERSION = 1

Micro = Annotated[int, PlainSerializer(lambda micro: format(from_micro(micro), "f"), return_type=str, when_used="json")]
"""An amount in micro-units, a plain decimal string in JSON."""


class SignalOutcome(NamedTuple):
    """What became of one signal, in compact form; amounts and prices in micro-units, 0 where there was none.

    `wanted` is the order's shares, `shares` what it got; `usdc` before `fee`. `middle` is the price between both sides
    when the order arrived and `best` the best one it could hit: paid - leader's = delay + spread + impact, by these.
    """

    signal_id: str
    leader: str
    token_id: str
    condition_id: str
    side: str
    verdict: str
    reason: str
    traded_at_ms: int
    decided_at_ms: int
    filled_at_ms: int
    leader_price: int
    limit_price: int
    middle: int
    best: int
    wanted: int
    shares: int
    usdc: int
    fee: int
    evidence: Evidence


made_outcome: Callable[[tuple[object, ...]], SignalOutcome] = partial(tuple.__new__, SignalOutcome)  # type: ignore[arg-type]
"""Makes an outcome of all its fields in their order, five times as fast as by their names."""


class EquityPoint(NamedTuple):
    """The account at one moment: `value` is what open lots would bring at the last known prices, before fees."""

    at_ms: int
    cash: int
    cost: int
    value: int
    realized: int
    fees: int

    @property
    def equity(self) -> int:
        """Return cash and open lots together."""
        return self.cash + self.value


class CopyCosts(BaseModel, frozen=True, extra="forbid"):
    """What following cost beyond the leader's own prices; below 0 is a gain."""

    fees: Micro
    delay: Micro
    spread: Micro
    impact: Micro


class OpenPosition(BaseModel, frozen=True, extra="forbid"):
    """A lot that no market has paid yet, valued at the last known trade in its token, before fees."""

    leader: str
    token_id: str
    condition_id: str
    title: str
    shares: Micro
    cost: Micro
    price: Micro
    value: Micro
    priced_at_ms: int


class PnlStanding(BaseModel, frozen=True, extra="forbid"):
    """One side's trading with one leader, market or category: ours, or the leader's own from the same rows.

    `realized` is of what was sold or paid out; `open_cost` and `open_value` of what is still held. The leader's fees
    are in no row of a history, so the leader's own figures are before fees. `unknown` is what the leader got for shares
    whose origin the history does not show; it is in no result.
    """

    trades: int = 0
    spent: Micro = 0
    received: Micro = 0
    paid_out: Micro = 0
    fees: Micro = 0
    realized: Micro = 0
    open_cost: Micro = 0
    open_value: Micro = 0
    unknown: Micro = 0

    @property
    def pnl(self) -> int:
        """Return realized and unrealized together, in micro-units."""
        return self.realized + self.open_value - self.open_cost


class LeaderResult(BaseModel, frozen=True, extra="forbid"):
    """What one leader's signals became, beside the leader's own result."""

    leader: str
    signals: int
    ours: PnlStanding
    theirs: PnlStanding


class MarketResult(BaseModel, frozen=True, extra="forbid"):
    """What one market brought; `payouts` is its resolution, None while it is open or unknown."""

    condition_id: str
    title: str
    category: str
    payouts: tuple[str, ...] | None
    ours: PnlStanding


class CannotTell(BaseModel, frozen=True, extra="forbid"):
    """A question that the data cannot answer, and for how many of how many trades."""

    what: str
    trades: int
    of: int

    @property
    def share(self) -> Decimal:
        """Return the share of the trades concerned, to 4 decimals."""
        return (Decimal(self.trades) / self.of).quantize(Decimal("0.0001")) if self.of else Decimal(0)


class SilencedSpan(BaseModel, frozen=True, extra="forbid"):
    """A stop that kept trades from being followed: the rule, of one `leader` or of the whole account (''), and why.

    `trades` were kept out since `since_ms`, `to_end` when nothing was bought any more; `setting` is what widens it.
    """

    rule: str
    leader: str
    why: str
    setting: str
    since_ms: int
    trades: int
    to_end: bool


class BacktestResult(BaseModel, frozen=True, extra="forbid"):
    """One run.

    `skips` counts first failed rules. Orders were `filled` whole, `partial`, or `missed` (nothing at their limit).
    `most_locked` is the highest cost of lots not yet paid. `outcomes` holds orders only, unless the run was told to
    keep every signal. `history` is what became of each row of the files that were read.
    """

    version: int = VERSION
    sources: tuple[str, ...]
    limits: TradingLimits
    model: dict[str, str]
    starts_at_ms: int
    ends_at_ms: int
    signals: int
    bought: int
    sold: int
    skips: dict[str, int]
    filled: int
    partial: int
    missed: int
    bankroll: Micro
    cash: Micro
    realized: Micro
    most_locked: Micro
    max_drawdown: Micro
    costs: CopyCosts
    open: tuple[OpenPosition, ...]
    leaders: tuple[LeaderResult, ...]
    markets: tuple[MarketResult, ...]
    equity: tuple[EquityPoint, ...]
    cannot_tell: tuple[CannotTell, ...]
    silenced: tuple[SilencedSpan, ...] = ()
    history: tuple[SourceReading, ...] = ()
    outcomes: tuple[SignalOutcome, ...] = ()

    @property
    def open_value(self) -> int:
        """Return what open lots would bring at the last known prices, in micro-units."""
        return sum(lot.value for lot in self.open)

    @property
    def equity_end(self) -> int:
        """Return cash and open lots at the end, in micro-units."""
        return self.cash + self.open_value

    @property
    def pnl(self) -> int:
        """Return what was won or lost, open lots at their last known prices, in micro-units."""
        return self.equity_end - self.bankroll
