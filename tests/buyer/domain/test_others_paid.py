"""What others paid lately: the leader's own trades left out, however they can be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.domain.others_paid import MOST_PRINTS, WINDOW_MS, TradePrint, TradePrints
from shared.domain.money import Price, Shares
from shared.messages.decisions import OthersPaid
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN, a_signal

HIS, THEIRS = "0x" + "7e" * 32, "0x" + "11" * 32
pytestmark = pytest.mark.pitfall(42)


def a_print(price: str = "0.5", shares: str = "10", tx_hash: str = THEIRS, at_ms: int = NOW_MS - 1000) -> TradePrint:
    return TradePrint(at_ms, D(price), D(shares), tx_hash)


def paid(*prints: TradePrint, now_ms: int = NOW_MS) -> OthersPaid | None:
    trades, signal = TradePrints(), a_signal(tx_hash=HIS)
    trades.note(signal)
    for told in prints:
        trades.add(TOKEN, told)
    return trades.others_paid(signal, now_ms)


def test_the_average_is_weighted_by_shares() -> None:
    assert paid(a_print("0.4", "30"), a_print("0.6", "10")) == OthersPaid(price=D("0.45"), shares=D(40), trades=2)


def test_a_leaders_own_trades_are_no_others() -> None:
    assert paid(a_print("0.9", tx_hash=HIS)) is None
    assert paid(a_print("0.9", tx_hash=HIS), a_print("0.5")) == OthersPaid(price=D("0.5"), shares=D(10), trades=1)


def test_a_trade_without_a_transaction_is_his_where_size_and_time_are() -> None:
    at_ms = NOW_MS - 10_000

    assert paid(a_print(shares="100", tx_hash="", at_ms=at_ms + 4000)) is None
    assert paid(a_print(shares="100", tx_hash="", at_ms=at_ms + 6000)) is not None
    assert paid(a_print(shares="99", tx_hash="", at_ms=at_ms)) is not None


def test_another_leaders_trades_count_as_others() -> None:
    trades, other = TradePrints(), a_signal(leader="0x" + "c3" * 20, tx_hash=THEIRS)
    trades.note(other)
    trades.add(TOKEN, a_print())

    assert trades.others_paid(a_signal(tx_hash=HIS), NOW_MS) is not None
    assert trades.others_paid(other, NOW_MS) is None


def test_what_is_long_ago_or_was_forgotten_says_nothing() -> None:
    trades = TradePrints()
    trades.add(TOKEN, a_print())
    trades.forget([TOKEN])

    assert paid(a_print(at_ms=NOW_MS - WINDOW_MS - 1)) is None
    assert trades.others_paid(a_signal(), NOW_MS) is None


@given(st.lists(st.tuples(st.integers(1, 999_999), st.integers(1, 10**9)), min_size=1, max_size=80))
def test_the_average_lies_between_the_newest_trades(pairs: list[tuple[int, int]]) -> None:
    found = paid(*(TradePrint(NOW_MS, Price(price), Shares(shares), THEIRS) for price, shares in pairs))
    prices = [price for price, _ in pairs[-MOST_PRINTS:]]

    assert found is not None
    assert min(prices) <= found.price <= max(prices)
    assert found.trades == len(prices)
