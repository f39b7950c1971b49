"""What our trades cost by the venue's prices equals what the chain booked, to the micro-unit."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.venue.polymarket.wire.account_parsing import read_trade
from shared.domain.money import from_micro
from tests.buyer.builders import a_market

OURS, OTHER = "7", "8"
ORDER = "0x" + "ab" * 32


@pytest.mark.real_data
@pytest.mark.parametrize("minted", [False, True])
def test_a_captured_market_buys_cost_follows_from_its_shares_and_price(real_data: Path, *, minted: bool) -> None:
    legs = json.loads((real_data / "venue" / "chain_order_filled_taker_fees.json").read_text())
    facts = a_market(token_id=OURS)

    for leg in [leg for leg in legs if leg["side"] == "BUY"]:
        shares, price = str(from_micro(int(leg["taker_amount_filled"]))), leg["price"]
        own = {"asset_id": OURS, "price": price}
        maker = {"asset_id": OTHER, "price": str(1 - Decimal(price))} if minted else own
        raw = {"taker_order_id": ORDER, "id": "1", "status": "MINED", "size": shares, "price": price}
        found = read_trade({**raw, "maker_orders": [{**maker, "matched_amount": shares}]}, ORDER, facts)

        assert (found.shares, found.usdc) == (int(leg["taker_amount_filled"]), int(leg["maker_amount_filled"])), leg


@given(cents=st.integers(100, 10**7), place=st.integers(1, 9999), minted=st.booleans())
def test_a_sum_that_was_spent_is_what_its_trade_is_read_to_have_cost(cents: int, place: int, *, minted: bool) -> None:
    price, spent = Decimal(place).scaleb(-4), cents * 10_000
    shares, paid = -(-spent * 10_000 // place), spent
    maker = {"asset_id": OURS, "price": str(price)}
    if minted:
        others = spent * 10_000 // place * (10_000 - place) // 10_000
        shares = others * 10_000 // (10_000 - place)
        paid, maker = shares - others, {"asset_id": OTHER, "price": str(1 - price)}
    amount = str(from_micro(shares))
    raw = {"taker_order_id": ORDER, "id": "1", "status": "MINED", "size": amount, "price": str(price)}

    found = read_trade({**raw, "maker_orders": [{**maker, "matched_amount": amount}]}, ORDER, a_market(token_id=OURS))

    assert (found.shares, found.usdc) == (shares, paid)
