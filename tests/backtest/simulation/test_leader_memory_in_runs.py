"""A run mirrors sells by what the leader holds, and follows no buy that was sold again, whatever arrives first."""

from typing import Any

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.results.pnl import LeaderSums
from backtest.simulation.latency import RecordedDelay
from backtest.simulation.leader_memory import LeaderMemory
from backtest.simulation.run_journal import RunLedger
from backtest.simulation.world.simulated_venue import RunClock
from buyer.domain.others_paid import WINDOW_MS
from tests.backtest.histories import a_trade, at, run
from tests.buyer.builders import some_settings


def reasons(events: list[MarketEvent], *flags: str, **changes: Any) -> list[str]:
    return [outcome.reason for outcome in run(events, *flags, **changes).outcomes]


@pytest.mark.pitfall(43)
@pytest.mark.pitfall(46)
def test_a_sale_of_a_hundredth_of_what_he_holds_sells_nothing() -> None:
    """He bought 9,900 at a price we did not pay, and 100 at ours: a sale of 100 is 1%."""
    before = a_trade(0, "0.98", "9900")

    assert reasons([before, a_trade(60), a_trade(120, side="SELL")])[1:] == ["all rules passed", "leader_sell"]


@pytest.mark.pitfall(45)
def test_a_sale_that_arrives_before_its_buy_keeps_it_from_being_followed() -> None:
    late_buy = a_trade(0, seen_at_ms=at(30))
    early_sale = a_trade(10, side="SELL", seen_at_ms=at(11))

    assert reasons([late_buy, early_sale], delay=RecordedDelay()) == ["lot_held", "sold_later"]


def test_what_was_paid_for_a_token_is_forgotten_when_it_was_not_lately_any_more() -> None:
    memory = LeaderMemory(RunLedger(), LeaderSums(), RunClock(0), some_settings().limits)

    for number in range(100):
        memory.see(a_trade(number * 600, token_id=str(number)).what, at(number * 600))  # type: ignore[arg-type]  # a signal

    assert len(memory._paid) <= 2 * WINDOW_MS // 600_000 + 2
