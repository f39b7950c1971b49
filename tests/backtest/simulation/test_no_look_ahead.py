"""What a run decides depends on nothing that happened later."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.domain.market_events import MarketEvent
from backtest.history.capture_events import in_order
from backtest.results.result import BacktestResult, SignalOutcome
from shared.domain.errors import Malformed
from tests.backtest.histories import START_MS, a_trade, other_outcome, resolves, run

TRADE = st.tuples(
    st.integers(0, 3),
    st.sampled_from(["0.3", "0.31", "0.5", "0.52", "0.9"]),
    st.sampled_from(["a1", "b2"]),
    st.sampled_from(["BUY", "BUY", "SELL"]),
    st.booleans(),
)


def history(drawn: list[tuple[int, str, str, str, bool]]) -> list[MarketEvent]:
    """Build trades of two leaders in both outcomes, a few seconds apart."""
    found: list[MarketEvent] = []
    second = 0
    for number, (gap, price, leader, side, first) in enumerate(drawn):
        second += gap
        make = a_trade if first else other_outcome
        found.append(make(second, price, leader="0x" + leader * 20, side=side, tx_hash=f"0x{number:064x}"))
    return found


def settled(result: BacktestResult, before_ms: int) -> list[SignalOutcome]:
    return [o for o in result.outcomes if max(o.decided_at_ms, o.filled_at_ms) < before_ms]


@settings(max_examples=15)
@given(st.lists(TRADE, min_size=2, max_size=14), st.integers(0, 13), st.randoms(use_true_random=False))
def test_shuffling_the_future_changes_nothing_before_it(
    drawn: list[tuple[int, str, str, str, bool]], cut: int, chance: random.Random
) -> None:
    whole = history(drawn)
    cut = min(cut, len(whole) - 1)
    at_ms = whole[cut].at_ms
    cut = next(number for number, market_event in enumerate(whole) if market_event.at_ms == at_ms)
    future = drawn[cut:]
    chance.shuffle(future)
    future[0] = (max(drawn[cut][0], future[0][0]), *future[0][1:])
    other = history([*drawn[:cut], *future])[cut:]

    known, changed = run(whole), run([*whole[:cut], *other])
    ended = run([*whole[:cut], resolves((at_ms - START_MS) // 1000, "0", "1")])

    assert settled(known, at_ms) == settled(changed, at_ms) == settled(ended, at_ms)


def test_an_exit_between_two_signals_sees_no_market_close_before_its_time() -> None:
    buys = [(0, "0.3", "a1", "BUY", False)] * 7
    drawn = [*buys, (0, "0.5", "a1", "SELL", False), *((gap, "0.3", "a1", "BUY", False) for gap in (1, 3, 2))]
    whole = history(drawn)
    at_ms = whole[-1].at_ms

    known, ended = run(whole), run([*whole[:-1], resolves((at_ms - START_MS) // 1000, "0", "1")])

    assert any(o.side == "SELL" for o in settled(known, at_ms))
    assert settled(known, at_ms) == settled(ended, at_ms)


def test_a_trade_of_the_very_moment_is_known_and_one_a_second_later_is_not() -> None:
    other = "0x" + "b2" * 20
    at_decision = run([a_trade(0), a_trade(2, "0.7", leader=other)], order_ms=0).outcomes[0]
    after = run([a_trade(0), a_trade(3, "0.7", leader=other)], order_ms=0).outcomes[0]

    assert (at_decision.reason, at_decision.middle) == ("slippage", 700_000)
    assert (after.reason, after.middle) == ("all rules passed", 500_000)


def test_a_history_out_of_order_is_refused() -> None:
    with pytest.raises(Malformed, match="out of order"):
        run([a_trade(5), a_trade(4)])


def test_a_capture_is_put_in_order_and_what_came_too_late_happens_when_it_is_known() -> None:
    coming = [a_trade(second) for second in (3, 1, 2, 9, 8, 7, 20, 21, 22, 5)]

    ordered = list(in_order(coming, window=3))

    assert [(h.at_ms - START_MS) // 1000 for h in ordered] == [1, 2, 3, 7, 8, 9, 9, 20, 21, 22]
