"""Builders for histories: a leader's trades, what the books were, how markets resolved."""

from collections.abc import Iterable
from fractions import Fraction
from functools import cache
from typing import Any

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import AssumedFacts, ResolvedMarket
from backtest.domain.price_model import PriceModel
from backtest.results.result import BacktestResult, SignalOutcome
from backtest.simulation.latency import ConstantDelay
from backtest.simulation.run_models import RunModels
from buyer.strategy.limits import TradingLimits
from shared.domain.money import cost_micro
from shared.messages.signals import MarketHint
from tests.amounts import D
from tests.buyer.builders import CONDITION, a_signal, some_settings

START_MS = 1_790_000_000_000
OTHER_TOKEN = "987654321"
MICRO = 1_000_000


def a_trade(second: int, price: str = "0.5", shares: str = "100", **changes: Any) -> MarketEvent:
    """Build a leader's trade so many seconds after the start."""
    at_ms = at(second)
    usdc = cost_micro(D(shares), D(price))
    values: dict[str, Any] = {
        "tx_hash": f"0x{second:064x}",
        "shares": D(shares),
        "usdc": usdc,
        "price": D(price),
        "traded_at_ms": at_ms,
        "seen_at_ms": at_ms + 1500,
        "emitted_at_ms": at_ms + 1500,
        "market": MarketHint(condition_id=CONDITION, outcome_index=0, title="Will it?"),
        **changes,
    }
    return MarketEvent(at_ms, a_signal(**values))


def other_outcome(second: int, price: str, shares: str = "100", **changes: Any) -> MarketEvent:
    """Build a trade in the market's second outcome."""
    hint = MarketHint(condition_id=CONDITION, outcome_index=1, title="Will it?")
    return a_trade(second, price, shares, token_id=OTHER_TOKEN, market=hint, **changes)


def resolves(second: int, *payouts: str) -> MarketEvent:
    """Build the resolution of the market."""
    return MarketEvent(at(second), ResolvedMarket(CONDITION, tuple(Fraction(share) for share in payouts)))


def models(**changes: Any) -> RunModels:
    """Build models with 2 s to the decision, 0.3 s to the book, one tick of half spread, 7% fees, redeemed in 60 s."""
    values: dict[str, Any] = {
        "delay": ConstantDelay(2000),
        "order_ms": 300,
        "redeem_ms": 60_000,
        "prices": PriceModel(half_spread_ticks=1, level_shares=D(200)),
        "markets": AssumedFacts(fee_rate=D("0.07")),
        **changes,
    }
    return RunModels(**values)


def run(market_events: Iterable[MarketEvent], *flags: str, bankroll: int = 1000, **changes: Any) -> BacktestResult:
    """Run a backtest and keep every outcome."""
    return run_backtest(market_events, _limits(flags), bankroll * MICRO, models(**changes), keep_skips=True)


@cache
def _limits(flags: tuple[str, ...]) -> TradingLimits:
    return some_settings(*flags).limits


def at(second: int) -> int:
    """Return a time so many seconds after the start."""
    return START_MS + second * 1000


def only(result: BacktestResult) -> SignalOutcome:
    """Return the only outcome."""
    (outcome,) = result.outcomes
    return outcome
