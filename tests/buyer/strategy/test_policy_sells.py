"""A leader's sell sells what is held of that leader, and no crumb."""

from decimal import Decimal

import pytest

from buyer.strategy.policy import decide_signal
from buyer.strategy.sizing import limit_price
from tests.buyer.builders import (
    a_case,
    a_portfolio,
    a_signal,
    some_limits,
)
from tests.buyer.strategy.failed_rules import failed

D = Decimal


def test_a_leaders_sell_sells_that_leaders_whole_lot() -> None:
    signal = a_signal(side="SELL", shares=D(1000), usdc=D(500))
    decision = decide_signal(a_case(signal=signal, portfolio=a_portfolio(lot_shares=D("12.345"), lot_cost=D(6))))

    assert decision.verdict == "SELL"
    assert decision.order is not None
    assert decision.order.shares == D("12.34")
    assert decision.order.limit_price == D("0.48")


@pytest.mark.pitfall(22)
def test_a_sell_whose_buy_was_skipped_and_dust_sell_nothing() -> None:
    assert "lot_held" in failed(signal=a_signal(side="SELL"))
    dust = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D("4.99"))))
    assert dust.reason == "minimum_size"


def test_sells_can_be_switched_off() -> None:
    off = some_limits(mirror_sells="none")
    assert failed(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D(10)), limits=off) == {
        "sells_mirrored"
    }


def test_a_sells_limit_never_goes_below_the_allowance() -> None:
    """2 ticks below 0.515 is 0.495: on the grid of 0.01 that is 0.50, not 0.49."""
    assert limit_price(D("0.515"), "SELL", D("0.01"), 2, D(0)) == D("0.50")


def test_a_sell_of_a_crumb_says_what_is_left_of_it_in_hundredths() -> None:
    decision = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D("0.009"))))

    assert next(rule.value for rule in decision.rules if rule.rule == "minimum_size") == "0.00"
