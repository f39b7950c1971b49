"""A run keeps the floor under its exits as the buyer does: by what lots were worth between the trades it knows."""

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.results.result import BacktestResult
from tests.backtest.histories import a_trade, run

pytestmark = pytest.mark.pitfall(39)


def history(sale: str, after: str) -> list[MarketEvent]:
    """Build a buy at 0.50, two minutes of trades at that price, the leader's sale, and what was traded later."""
    quiet = [a_trade(second, "0.5", "1", leader="0x" + "b2" * 20) for second in range(10, 120, 10)]
    sold = a_trade(130, sale, "100", side="SELL")
    return [a_trade(0), *quiet, sold, a_trade(140, after, "1", leader="0x" + "b2" * 20), a_trade(3600, after, "1")]


def sold_at(result: BacktestResult) -> list[int]:
    """Return the average price of each sale."""
    sold = [outcome for outcome in result.outcomes if outcome.side == "SELL" and outcome.shares]
    return [outcome.usdc * 1_000_000 // outcome.shares for outcome in sold]


def test_a_leaders_sale_to_himself_at_two_cents_sells_nothing_there() -> None:
    assert [price >= 400_000 for price in sold_at(run(history("0.02", "0.5")))] == [True]


def test_a_sale_at_the_price_that_stands_is_followed_at_once() -> None:
    assert [price >= 450_000 for price in sold_at(run(history("0.48", "0.48")))] == [True]


def test_without_floors_a_run_sells_at_any_price() -> None:
    assert [price < 30_000 for price in sold_at(run(history("0.02", "0.02"), "--exit-floor-pct", "100"))] == [True]
