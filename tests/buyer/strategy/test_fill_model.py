"""What an order gets from a book, to the micro-unit."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.strategy.fill_model import ModelFill, dearest_fee, walk_book
from shared.domain.market import Level
from shared.domain.money import MICRO, Price, Rate, Shares, Usdc, cost_micro, paid_fee, taker_fee
from tests.amounts import D
from tests.buyer.builders import a_market, levels

FREE = a_market(fee_rate=D(0))


def test_a_buy_walks_the_levels_up_to_its_limit_and_kills_the_rest() -> None:
    asks = levels(("0.5", "10"), ("0.51", "10"), ("0.6", "10"))

    assert walk_book(asks, "BUY", D(30), D("0.55"), D(1000), FREE) == ModelFill(D(20), D("10.1"), D(0))


def test_a_sell_walks_the_bids_down_to_its_limit() -> None:
    bids = levels(("0.49", "10"), ("0.4", "10"))

    assert walk_book(bids, "SELL", D(15), D("0.45"), None, FREE) == ModelFill(D(10), D("4.9"), D(0))


def test_fees_are_per_level_and_inside_the_budget() -> None:
    facts = a_market(fee_rate=D("0.07"))

    filled = walk_book(levels(("0.36", "108")), "BUY", D(108), D("0.4"), D(1000), facts)

    assert filled == ModelFill(D(108), D("38.88"), D("1.74182"))


def test_the_21_real_taker_fees_are_reproduced_exactly(real_data: Path) -> None:
    legs = json.loads((real_data / "venue" / "chain_order_filled_taker_fees.json").read_text())
    for leg in legs:
        shares = int(leg["taker_amount_filled"] if leg["side"] == "BUY" else leg["maker_amount_filled"])
        usdc = int(leg["maker_amount_filled"] if leg["side"] == "BUY" else leg["taker_amount_filled"])
        assert paid_fee(Shares(shares), Usdc(usdc), D(leg["fee_rate"])) == int(leg["fee"]), leg

    assert len(legs) == 21


@pytest.mark.parametrize("price", ["0.01", "0.37", "0.5", "0.63", "0.99"])
def test_no_fill_at_or_below_the_limit_costs_more_than_the_dearest_fee(price: str) -> None:
    facts = a_market(fee_rate=D("0.07"))

    assert taker_fee(D(10), D(price), D("0.07")) <= dearest_fee(D(10), D(price), facts)


@pytest.mark.parametrize("exponent", [Decimal("0.5"), Decimal("0.75"), 1, Decimal("1.5"), 2])
@pytest.mark.parametrize("limit", ["0.02", "0.37", "0.5", "0.99"])
def test_no_sum_spent_at_or_below_the_limit_costs_more_than_the_dearest_fee(
    limit: str, exponent: int | Decimal
) -> None:
    facts = a_market(fee_rate=D("0.025"), fee_exponent=exponent, tick=D("0.01"))
    spent, most = 10 * D(limit), dearest_fee(D(10), D(limit), facts)

    for price in map(Price, range(D("0.01"), D(limit) + 1, D("0.01"))):
        assert taker_fee(Shares(spent * MICRO // price), price, D("0.025"), exponent) <= most, price


@pytest.mark.parametrize(("price", "fee"), [("0.5", 1_250_000), ("0.1", 750_000), ("0.9", 750_000), ("0.2", 1_000_000)])
def test_a_fill_pays_the_fee_of_a_fractional_exponent(price: str, fee: int) -> None:
    facts = a_market(fee_rate=D("0.025"), fee_exponent=Decimal("0.5"))

    assert walk_book(levels((price, "100")), "BUY", D(100), D(price), D(1000), facts).fee == fee


PRICE = st.integers(1, 9999).map(lambda n: Price(n * D("0.0001")))


@given(
    asks=st.lists(st.tuples(PRICE, st.integers(1, 50_000).map(lambda n: Shares(n * D("0.01")))), max_size=5),
    shares=st.integers(1, 10**10).map(Shares),
    limit=PRICE,
    budget=st.integers(0, 10**9).map(Usdc),
    rate=st.integers(0, 3000).map(lambda n: Rate(n * D("0.0001"))),
)
def test_a_fill_never_exceeds_its_shares_its_limit_or_its_budget(
    asks: list[tuple[Price, Shares]], shares: Shares, limit: Price, budget: Usdc, rate: Rate
) -> None:
    facts = a_market(fee_rate=rate)
    book = sorted((Level(price=price, shares=size) for price, size in asks), key=lambda level: level.price)

    filled = walk_book(book, "BUY", shares, limit, budget, facts)

    assert 0 <= filled.shares <= shares
    assert filled.usdc + filled.fee <= budget
    assert filled.usdc <= cost_micro(filled.shares, limit) + len(book)
