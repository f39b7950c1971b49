"""A trade's price is that of its row, its collateral is fee-free, the fee is kept: in both eras, by every source."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.market import Side
from shared.domain.money import Price, Rate, Shares, from_micro, taker_fee, to_micro
from shared.polymarket.wire.leader_fills import LeaderFill, read_activity
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.rtds import read_pushed
from shared.polymarket.wire.trade_amounts import CLOB_V2_SINCE_MS, TradeAmounts, amounts_of, price_doubt_micro
from tests.detector.builders import LEADER, NOW_MS, NOW_S, TOKEN, a_log, a_row

D = Decimal
V1_MS = CLOB_V2_SINCE_MS - 1000
TEN = D("0.0000000001")


@pytest.mark.parametrize(
    ("side", "size", "price", "paid", "at_ms", "wanted"),
    [
        ("BUY", "22.84", "0.52", "12.16184", NOW_MS, (22_840_000, 11_876_800, 285_040, 0)),
        ("BUY", "7.44", "0.9", "6.72948", NOW_MS, (7_440_000, 6_696_000, 33_480, 0)),
        ("BUY", "11.111111", "0.18", "2.13", NOW_MS, (11_111_111, 2_000_000, 130_000, 0)),
        ("BUY", "11.111111", "0.18", "2.0", NOW_MS, (11_111_111, 2_000_000, 0, 0)),
        ("SELL", "41", "0.12", "4.90629", NOW_MS, (41_000_000, 4_920_000, 13_710, 0)),
        ("SELL", "41", "0.12", "4.90629", V1_MS, (41_000_000, 4_920_000, 13_710, 0)),
        ("BUY", "22.47936", "0.12", "2.88", V1_MS, (22_479_360, 2_880_000, 0, 1_520_640)),
        ("BUY", "5.666665", "0.430000008823532", "2.436666", V1_MS, (5_666_665, 2_436_666, 0, 0)),
        ("BUY", "22.47936", "0.12", "2.88", CLOB_V2_SINCE_MS, (22_479_360, 2_697_523, 182_477, 0)),
    ],
)
def test_the_collateral_is_fee_free_and_the_fee_is_kept_beside_it(
    side: Side, size: str, price: str, paid: str, at_ms: int, wanted: tuple[int, ...]
) -> None:
    found = amounts_of(side, D(size), D(price), D(paid), at_ms)

    assert found == TradeAmounts(*wanted)
    assert found.price == to_micro(Decimal(price))


@pytest.mark.parametrize("price", ["0", "1", "-0.1", "0.7400000012"])
def test_a_price_that_contradicts_what_was_paid_leaves_the_collateral_to_that(price: str) -> None:
    assert amounts_of("BUY", D(100), D(price), D(52), NOW_MS) == TradeAmounts(100_000_000, 52_000_000)


def test_a_row_without_collateral_has_it_from_its_price() -> None:
    assert amounts_of("BUY", D("22.84"), D("0.52"), None, V1_MS) == TradeAmounts(22_840_000, 11_876_800)


@given(st.data())
def test_whatever_was_traded_the_collateral_of_the_chain_is_found_again(data: st.DataObject) -> None:
    side: Side = data.draw(st.sampled_from(["BUY", "SELL"]))
    shares = data.draw(st.integers(1_000_000, 90_000_000_000))
    usdc = data.draw(st.integers(shares // 1000, shares * 999 // 1000))
    rate = data.draw(st.sampled_from([D(0), D("0.05"), D("0.07")]))
    price = (D(usdc) / shares).quantize(TEN)
    fee = taker_fee(Shares(shares), Price(to_micro(price)), Rate(to_micro(rate)))
    paid = usdc + fee if side == "BUY" else usdc - fee

    found = amounts_of(side, from_micro(shares), price, from_micro(paid), NOW_MS)

    assert found == TradeAmounts(shares, usdc, fee)
    assert abs(amounts_of(side, from_micro(shares), price, None, NOW_MS).usdc - usdc) <= price_doubt_micro(shares)


def test_size_times_price_is_exact_below_ten_thousand_shares() -> None:
    assert [price_doubt_micro(shares * 1_000_000) for shares in (1, 9_999, 10_000, 30_000)] == [0, 0, 1, 2]


def the_sources(side: Side, shares: int, usdc: int, fee: int) -> dict[str, LeaderFill]:
    """Return one trade as the three sources tell it."""
    price = (D(usdc) / shares).quantize(TEN)
    paid = usdc + fee if side == "BUY" else usdc - fee
    row = a_row(size=from_micro(shares), usdc_size=from_micro(paid), price=price, side=side)
    pushed = {
        "proxyWallet": LEADER,
        "transactionHash": row["transaction_hash"],
        "asset": TOKEN,
        "side": side,
        "size": from_micro(shares),
        "price": price,
        "timestamp": NOW_S - 1,
    }
    given_, received = (usdc, shares) if side == "BUY" else (shares, usdc)
    words = (0 if side == "BUY" else 1, int(TOKEN), given_, received, fee, 0, 0)
    log = a_log(data="0x" + "".join(f"{word:064x}" for word in words))
    readings = {
        "data_api": read_activity([row], LEADER),
        "rtds": read_pushed([pushed], LEADER),
        "chain_logs": read_logs([log]),
    }
    return {name: reading.fills[0] for name, reading in readings.items()}


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_three_sources_tell_one_trade_with_a_fee_alike(side: Side) -> None:
    told = the_sources(side, 22_840_000, 11_876_800, 285_040)

    assert {(fill.shares_micro, fill.usdc_micro) for fill in told.values()} == {(22_840_000, 11_876_800)}
    assert {name: fill.fee_micro for name, fill in told.items()} == {
        "data_api": 285_040,
        "rtds": 0,
        "chain_logs": 285_040,
    }


@pytest.mark.real_data
def test_three_sources_tell_every_captured_taker_leg_alike(real_data: Path) -> None:
    legs: list[dict[str, Any]] = json.loads((real_data / "venue" / "chain_order_filled_taker_fees.json").read_text())

    for leg in legs:
        given_, received = int(leg["maker_amount_filled"]), int(leg["taker_amount_filled"])
        shares, usdc = (received, given_) if leg["side"] == "BUY" else (given_, received)
        told = the_sources(leg["side"], shares, usdc, int(leg["fee"]))

        assert {(fill.shares_micro, fill.usdc_micro) for fill in told.values()} == {(shares, usdc)}
        assert told["data_api"].fee_micro == told["chain_logs"].fee_micro == int(leg["fee"])
    assert len(legs) == 21


@pytest.mark.real_data
def test_captured_rows_are_told_alike_by_the_feed_and_by_a_push(real_data: Path) -> None:
    text = (real_data / "activity_v1" / "all_types.json").read_text()
    rows = [row for row in json.loads(text, parse_float=Decimal) if row["type"] == "TRADE"]
    compared = 0
    for row in rows:
        side, size, price = row["side"], Decimal(row["size"]), Decimal(row["price"])
        told = amounts_of(side, size, price, Decimal(row["usdcSize"]), row["timestamp"] * 1000)
        pushed = amounts_of(side, size, price, None, row["timestamp"] * 1000)
        assert pushed.shares == told.shares == to_micro(size)
        assert abs(pushed.usdc - told.usdc) <= price_doubt_micro(told.shares)
        compared += 1
    assert compared == 42
