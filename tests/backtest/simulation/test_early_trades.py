"""A run knows of a trade before its block where a pending match showed it, and of nothing before that."""

from hypothesis import given
from hypothesis import strategies as st

from backtest.domain.market_events import MarketEvent
from backtest.simulation.latency import ConstantDelay, DrawnDelay, seen_early
from shared.messages.signals import ActionableSignal
from tests.backtest.histories import START_MS, a_trade, run

EARLY = DrawnDelay((-1200, -300, 400), "measured:pending")


def trades(*seconds: int) -> list[MarketEvent]:
    return [a_trade(second, tx_hash=f"0x{number:064x}") for number, second in enumerate(sorted(seconds))]


@given(st.lists(st.integers(0, 30), max_size=20))
def test_trades_come_when_they_were_seen_or_mined_whichever_was_first_and_in_order(seconds: list[int]) -> None:
    whole = trades(*seconds)

    moved = list(seen_early(whole, EARLY))

    assert [each.at_ms for each in moved] == sorted(each.at_ms for each in moved)
    ids = {what.id: each.at_ms for each in moved if isinstance(what := each.what, ActionableSignal)}
    for each in whole:
        assert isinstance(each.what, ActionableSignal)
        assert ids[each.what.id] == min(each.at_ms, EARLY.arrival_ms(each.what)) >= each.at_ms - EARLY.lead_ms
    assert len(moved) == len(whole)


def test_without_a_lead_nothing_moves() -> None:
    whole = trades(1, 2)

    assert seen_early(whole, ConstantDelay(0)) is whole


def test_a_run_decides_before_the_block_by_the_leaders_own_price_and_not_by_a_later_one() -> None:
    later = a_trade(6, "0.7", leader="0x" + "b2" * 20)
    lead = DrawnDelay((-1000, -1000), "measured:pending")

    (first, *_) = run([a_trade(5), later], delay=lead, order_ms=0).outcomes

    assert first.decided_at_ms == START_MS + 4_000
    assert first.middle == 500_000
