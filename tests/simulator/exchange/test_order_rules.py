"""What the venue refuses whoever signed it well: accuracy, tick, bounds, sizes, funds, expiration, keys."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.core.amounts import MICRO, PRICE_ONE, TICKS, decimals
from simulator.core.market import Catalog, Market
from simulator.exchange.order_form import Kind, OrderForm
from simulator.exchange.order_rules import price_of
from simulator.gateway.http_messages import RefusedError
from tests.simulator.exchange.forms import a_form

simulator = pytest.mark.simulator


def _a_market(tick: str = "0.01") -> Market:
    event = Catalog().open_event("e", "E")
    return Market(
        number=1, slug="m", question="?", event=event, condition_id="0x1", tokens=("11", "12"), tick=TICKS[tick]
    )


def _refused(form: OrderForm, tick: str = "0.01") -> str:
    with pytest.raises(RefusedError) as refused:
        price_of(form, _a_market(tick), "0xhash")
    return refused.value.message


@pytest.mark.pitfall(17)
@settings(max_examples=30)
@given(st.sampled_from(sorted(TICKS)), st.integers(500, 100_000), st.data())
def test_every_price_on_the_grid_passes_and_none_between(tick: str, cents: int, data: st.DataObject) -> None:
    units, shares = TICKS[tick], cents * 10_000
    price = data.draw(st.integers(1, PRICE_ONE // units - 1)) * units
    usdc = shares * price // PRICE_ONE
    assert price_of(a_form(maker_amount=usdc, taker_amount=shares), _a_market(tick), "") == price
    selling = a_form(side="SELL", maker_amount=shares, taker_amount=usdc)
    assert price_of(selling, _a_market(tick), "") == price

    one = 10 ** (6 - decimals(units) - 2)
    assert _refused(a_form(maker_amount=usdc + one, taker_amount=shares), tick)


@pytest.mark.pitfall(17)
@settings(max_examples=30)
@given(st.sampled_from(sorted(TICKS)), st.integers(100, 50_000), st.data())
def test_a_sum_to_spend_names_its_price_though_its_shares_are_rounded(
    tick: str, cents: int, data: st.DataObject
) -> None:
    units, usdc = TICKS[tick], cents * 10_000
    price = data.draw(st.integers(1, PRICE_ONE // units - 1)) * units
    step = 10 ** (6 - min(decimals(units) + 2, 4))
    shares = usdc * PRICE_ONE // price // step * step
    form = a_form(maker_amount=usdc, taker_amount=shares, kind="FAK")
    named = price_of(form, _a_market(tick), "")
    assert named in ({price} if units > 1 else {price, price + 1}), "four decimals of few shares are half a fine tick"


@pytest.mark.pitfall(17)
@pytest.mark.parametrize("tick", ["0.01", "0.005", "0.0025", "0.001", "0.0001"])
@pytest.mark.parametrize("kind", ["FAK", "FOK"])
def test_five_decimals_of_a_market_buys_shares_are_refused_in_the_venues_words_on_every_tick(
    tick: str, kind: Kind
) -> None:
    words = "the market buy orders maker amount supports a max accuracy of 2 decimals, taker amount a max of 4 decimals"
    form = a_form(maker_amount=5_000_000, taker_amount=9_999_990, kind=kind)
    assert words in _refused(form, tick)
    coarse = dataclasses.replace(form, taker_amount=10_000_000)
    assert price_of(coarse, _a_market(tick), "") == 5000


@pytest.mark.pitfall(17)
def test_a_price_of_the_finer_tick_is_refused_on_the_coarser() -> None:
    fine = a_form(maker_amount=5_050_000, taker_amount=10_000_000)
    assert price_of(fine, _a_market("0.001"), "") == 5050
    assert "breaks minimum tick size rule: 0.01" in _refused(fine)


@pytest.mark.pitfall(17)
def test_a_market_buy_signed_before_the_tick_became_finer_still_holds() -> None:
    signed = a_form(maker_amount=5_000_000, taker_amount=7_042_200, kind="FAK")
    assert price_of(signed, _a_market("0.01"), "") == 7100
    assert price_of(signed, _a_market("0.001"), "") == 7100


@pytest.mark.pitfall(17)
@pytest.mark.parametrize(
    ("kind", "side", "maker", "taker"),
    [
        ("GTC", "BUY", 5_000_010, 10_000_000),
        ("GTC", "BUY", 5_000_000, 10_001_000),
        ("GTC", "SELL", 10_001_000, 5_000_500),
        ("FAK", "SELL", 10_001_000, 5_000_500),
        ("FAK", "BUY", 5_001_000, 10_002_000),
        ("FOK", "BUY", 5_000_000, 10_000_010),
        ("GTC", "BUY", 0, 10_000_000),
    ],
)
def test_amounts_have_only_the_decimals_of_their_tick(kind: Kind, side: Any, maker: int, taker: int) -> None:
    form = a_form(kind=kind, side=side, maker_amount=maker, taker_amount=taker)
    assert _refused(form).startswith("invalid amounts, the ")


def test_amounts_beyond_all_money_are_judged_like_others() -> None:
    vast = 10**70
    assert price_of(a_form(maker_amount=vast // 2, taker_amount=vast), _a_market(), "") == 5000
    assert "invalid price" in _refused(a_form(maker_amount=vast, taker_amount=10_000_000))


@pytest.mark.pitfall(18)
def test_sizes_below_the_minimum_are_refused() -> None:
    assert "Size lower than the minimum: 5" in _refused(a_form(maker_amount=2_495_000, taker_amount=4_990_000))
    assert "($0.99), min size: $1" in _refused(a_form(maker_amount=990_000, taker_amount=1_980_000, kind="FAK"))
    small = a_form(maker_amount=MICRO, taker_amount=2 * MICRO, kind="FAK")
    assert price_of(small, _a_market(), "") == 5000


@simulator
def test_money_that_is_not_there_or_not_allowed_buys_nothing(trader_of: Callable[..., Any]) -> None:
    poor = trader_of(usdc="10.10")
    status, answer = poor.post(poor.market("10", "0.50"))
    assert status == 400
    assert "not enough balance / allowance: the balance is not enough" in answer["error"], "the fee does not fit"

    bare = trader_of(approved=False)
    assert "the allowance is not enough" in bare.post(bare.market())[1]["error"]


@pytest.mark.pitfall(26)
@simulator
def test_a_deposit_is_unseen_until_the_balance_is_refreshed(trader_of: Callable[..., Any]) -> None:
    trader = trader_of(synced=False)
    query = "?asset_type=COLLATERAL&signature_type=3"
    assert trader.get("/balance-allowance", query)[1]["balance"] == "0"
    assert trader.post(trader.market())[0] == 400

    trader.get("/balance-allowance/update", query)

    shown = trader.client.get_balance_allowance(asset_type="COLLATERAL")
    assert shown.balance == 1000 * MICRO
    assert min(shown.allowances.values()) > 10**70
    assert trader.post(trader.market())[0] == 200


@pytest.mark.pitfall(22)
@simulator
def test_tokens_are_sold_only_once_they_are_on_chain(trader: Any) -> None:
    trader.post(trader.market("10", "0.50"))
    selling = trader.market("20", "0.49", side="SELL")
    assert "not enough balance" in trader.post(selling)[1]["error"]

    trader.venue.sim.advance(6)

    status, answer = trader.post(selling)
    assert (status, answer["makingAmount"], answer["takingAmount"]) == (200, "20", "9.8")


@simulator
@pytest.mark.pitfall(17)
def test_a_market_sell_of_too_many_decimals_is_refused_while_the_venue_is_strict(trader: Any) -> None:
    trader.venue.post("sim", "/account", {"wallet": trader.wallet, "token": trader.token, "shares": "50"})
    trader.venue.sim.change_tick(trader.venue.market.condition_id, "0.001")
    trader.set_book([["0.495", "100"]], [["0.505", "100"]])
    trader.venue.sim.fault("strict_sells", "clob", route="/order")

    odd = trader.post(trader.market("10.01", "0.495", side="SELL"))
    even = trader.post(trader.market("10.02", "0.495", side="SELL"))

    assert odd[0] == 400
    assert odd[1]["error"].startswith("invalid amounts, the market sell orders maker amount supports")
    assert (even[0], even[1]["takingAmount"]) == (200, "4.9599")


@simulator
def test_tokens_the_venue_has_not_heard_of_are_sold_once_their_balance_is_refreshed(trader: Any) -> None:
    trader.venue.post("sim", "/account", {"wallet": trader.wallet, "token": trader.token, "shares": "50"})
    trader.venue.sim.fault("stale_tokens", "clob", route="/order")
    signed = trader.market("10", "0.49", side="SELL")
    assert "not enough balance / allowance: the balance is not enough -> balance: 0" in trader.post(signed)[1]["error"]

    trader.get("/balance-allowance/update", "?asset_type=COLLATERAL&signature_type=3")
    assert trader.post(signed)[0] == 400
    trader.get("/balance-allowance/update", f"?asset_type=CONDITIONAL&signature_type=3&token_id={trader.token}")

    assert trader.post(signed)[0] == 200


@simulator
@pytest.mark.parametrize(("exponent", "fee"), [("0.5", 1_250_000), ("1", 625_000), ("2", 156_250)])
def test_a_fee_exponent_may_be_a_fraction_and_is_told_as_one(trader: Any, exponent: str, fee: int) -> None:
    market = trader.venue.market
    market.fee_rate, market.fee_exponent = Decimal("0.025"), Decimal(exponent)
    trader.set_book([["0.40", "100"]], [["0.50", "100"]])

    trader.post(trader.market("50", "0.50"))

    (order,) = trader.truth()
    assert order["trades"][0]["fee_micro"] == fee
    shown = trader.venue.get("clob", f"/clob-markets/{market.condition_id}").json()["fd"]
    assert (Decimal(str(shown["r"])), Decimal(str(shown["e"]))) == (Decimal("0.025"), Decimal(exponent))
    (listed,) = trader.venue.get("gamma", "/markets", condition_ids=market.condition_id).json()
    assert Decimal(str(listed["feeSchedule"]["exponent"])) == Decimal(exponent)


@pytest.mark.pitfall(26)
@simulator
def test_wallets_and_keys_that_do_not_belong_together_are_told_apart(trader_of: Callable[..., Any]) -> None:
    trader, other = trader_of(), trader_of("safe")
    body = trader.body(trader.market())

    assert other.send(body)[1] == {"error": "the owner has to be the owner of the API KEY"}
    stolen = {**body, "owner": other.client._ctx.credentials.key}
    assert other.send(stolen)[1] == {"error": "the order signer address has to be the address of the API KEY"}

    trader.venue.post("sim", "/account", {"wallet": trader.wallet, "closed_only": True})
    assert "closed only mode" in trader.send(body)[1]["error"]
    assert trader.get("/auth/ban-status/closed-only")[1] == {"closed_only": True}


@simulator
def test_expirations_belong_to_gtd_and_lie_ahead(trader: Any) -> None:
    now_s = trader.venue.sim.world.now_ms() // 1000
    signed = trader.limit(expiration=now_s + 600)
    body = trader.body(signed)
    for kind, expiration in (("GTC", now_s + 600), ("GTD", now_s + 100), ("GTD", 0)):
        changed = {**body, "orderType": kind, "order": {**body["order"], "expiration": str(expiration)}}
        assert trader.send(changed) == (400, {"error": "invalid expiration"})
    assert trader.send(body)[1]["status"] == "live"


@simulator
def test_a_v1_order_and_a_loose_type_are_no_orders(trader: Any) -> None:
    body = trader.body(trader.market())
    old = {**body, "order": {**body["order"], "nonce": "0"}}
    assert trader.send(old) == (400, {"error": "order_version_mismatch"})
    for name, value in (
        ("salt", "7"),
        ("makerAmount", 10_000_000),
        ("signatureType", "3"),
        ("side", 0),
        ("timestamp", "9" * 78),
    ):
        loose = {**body, "order": {**body["order"], name: value}}
        assert trader.send(loose) == (400, {"error": "Invalid order payload"})


@simulator
def test_requests_signed_wrongly_or_at_another_time_are_unauthorized(trader: Any) -> None:
    refused = (401, {"error": "Unauthorized/Invalid api key"})
    body, stamp = trader.body(trader.market()), str(trader.venue.sim.world.now_ms() // 1000 - 120)
    for wrong in (
        {"POLY_PASSPHRASE": "x"},
        {"POLY_SIGNATURE": "x"},
        {"POLY_API_KEY": "x"},
        {"POLY_ADDRESS": "0x" + "1" * 40},
        {"POLY_TIMESTAMP": stamp},
    ):
        assert trader.send(body, **wrong) == refused
    trader.venue.sim.fault("clock_skew", "clob", params={"seconds": 600})
    assert trader.send(body) == refused


@simulator
def test_a_combo_has_no_book_and_its_orders_are_refused(trader: Any) -> None:
    """Combos trade by request for quote: the CLOB knows none of them."""
    body = trader.body(trader.market())
    body["order"]["tokenId"] = combo = str((3 << 248) | (0xBEEF << 120) | 1)

    assert trader.send(body) == (400, {"error": f"the orderbook {combo} does not exist"})
    assert trader.venue.get("clob", "/book", token_id=combo).status_code == 404


@simulator
def test_a_protocol_v2_position_is_signed_for_its_own_exchange(trader: Any) -> None:
    made = trader.venue.post("sim", "/positions-market", {}).json()
    trader.token = made["tokens"][1]
    trader.set_book()

    status, answer = trader.post(trader.market("10", "0.50"))
    trader.venue.sim.advance(6)

    assert (status, Decimal(answer["takingAmount"])) == (200, 20)
    assert trader.venue.logs(trader.wallet)[0]["address"] == "0xe3333700ca9d93003f00f0f71f8515005f6c00aa"
