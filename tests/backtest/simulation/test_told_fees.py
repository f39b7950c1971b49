"""Fee rates that the leader's own rows prove stand before assumed ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.domain.told_fees import told_rate
from shared.domain.money import Rate, Shares, Usdc, paid_fee
from shared.messages.signals import ActionableSignal, Fill
from tests.amounts import D
from tests.backtest.histories import a_trade, other_outcome, run


def trade_with_fee(shares: int, usdc: int, fee: int | None) -> ActionableSignal:
    fill = Fill(shares=Shares(shares), usdc=Usdc(usdc), fee=None if fee is None else Usdc(fee))
    what = a_trade(0, fills=(fill,)).what
    assert isinstance(what, ActionableSignal)
    return what


@pytest.mark.parametrize(
    ("shares", "usdc", "fee", "rate"),
    [
        (22_840_000, 11_876_800, 285_040, "0.05"),
        (7_440_000, 6_696_000, 33_480, "0.05"),
        (11_111_111, 2_000_000, 130_000, None),
        (100_000_000, 40_000_000, None, None),
    ],
)
def test_a_rate_is_what_the_fee_of_a_row_proves(shares: int, usdc: int, fee: int | None, rate: str | None) -> None:
    assert told_rate(trade_with_fee(shares, usdc, fee)) == (D(rate) if rate else None)


@given(st.integers(1, 100), st.integers(10_000_000, 10**10), st.integers(50, 950))
def test_every_rate_of_the_venue_is_found_again(thousandths: int, shares: int, mills: int) -> None:
    usdc, rate = shares * mills // 1000, Rate(thousandths * 1000)
    fee = paid_fee(Shares(shares), Usdc(usdc), rate)

    found = told_rate(trade_with_fee(shares, usdc, fee))

    assert found in (rate, None)
    if shares >= 10**9:
        assert found == rate


def test_both_outcomes_of_a_market_pay_the_rate_that_one_row_proves() -> None:
    fill = Fill(shares=D(100), usdc=D(50), fee=D("1.25"))

    told = run([a_trade(0, fills=(fill,)), other_outcome(60, "0.5")], "--other-outcome", "buy")
    assumed = run([a_trade(0), other_outcome(60, "0.5")], "--other-outcome", "buy")

    assert told.bought == assumed.bought == 2
    assert told.costs.fees * 7 // 5 == pytest.approx(assumed.costs.fees, abs=100)
