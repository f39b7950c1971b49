"""A profile of a leader's trading, from the trades alone: two-sided or not, how often, how concentrated. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from backtest.domain.market_events import LeaderChange, MarketEvent
from shared.messages.signals import ActionableSignal

DAY_MS = 86_400_000
TWO_SIDED = Decimal("0.5")
"""From this share of volume on that its own opposite cancels, a wallet makes markets or arbitrages."""
RESTLESS = 200
"""From so many trades a day on, nobody follows by hand and every delay counts."""
TOP = 5


@dataclass
class TradedTotals:
    """One market's volume by direction: buys of the first outcome seen and sells of any other are `one` way."""

    first_token: str
    one: int = 0
    other: int = 0
    trades: int = 0

    @property
    def volume(self) -> int:
        """Return all of it, in micro-units."""
        return self.one + self.other

    @property
    def cancelled(self) -> int:
        """Return the volume that stands against its own opposite."""
        return 2 * min(self.one, self.other)


@dataclass
class TraderProfile:
    """One leader's trading, added up trade by trade."""

    leader: str
    markets: dict[str, TradedTotals] = field(default_factory=dict[str, TradedTotals])
    trades: int = 0
    buys: int = 0
    first_ms: int = 0
    last_ms: int = 0

    def add_trade(self, trade: ActionableSignal) -> None:
        """Take in one trade."""
        name = trade.market.condition_id or trade.token_id
        market = self.markets.setdefault(name, TradedTotals(trade.token_id))
        amount, buys = trade.usdc, trade.side == "BUY"
        if (trade.token_id == market.first_token) == buys:
            market.one += amount
        else:
            market.other += amount
        market.trades += 1
        self.trades += 1
        self.buys += buys
        self.first_ms = self.first_ms or trade.traded_at_ms
        self.last_ms = trade.traded_at_ms

    @property
    def volume(self) -> int:
        """Return what was traded, in micro-units."""
        return sum(market.volume for market in self.markets.values())

    @property
    def two_sided(self) -> Decimal:
        """Return the share of volume that the leader's own opposite trades in the same market cancel."""
        return _share(sum(market.cancelled for market in self.markets.values()), self.volume)

    @property
    def trades_a_day(self) -> int:
        """Return trades by day, a history shorter than a day taken for a whole one."""
        return round(self.trades * DAY_MS / max(DAY_MS, self.last_ms - self.first_ms))

    @property
    def concentration(self) -> Decimal:
        """Return the share of volume in the few largest markets."""
        largest = sorted((market.volume for market in self.markets.values()), reverse=True)[:TOP]
        return _share(sum(largest), self.volume)

    @property
    def makes_markets(self) -> bool:
        """Say whether it looks like a market maker: both sides, and often."""
        return self.two_sided >= TWO_SIDED and self.trades_a_day >= RESTLESS


def only_leader(
    market_events: Iterable[MarketEvent], leader: str, profile: TraderProfile | None = None
) -> Iterator[MarketEvent]:
    """Pass on everything but other leaders' trades; `profile` sees this leader's."""
    for market_event in market_events:
        what = market_event.what
        if isinstance(what, LeaderChange) and what.leader != leader:
            continue
        if isinstance(what, ActionableSignal):
            if what.leader != leader:
                continue
            if profile and what.cause == "TRADE":
                profile.add_trade(what)
        yield market_event


def _share(part: int, whole: int) -> Decimal:
    return (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else Decimal(0)
