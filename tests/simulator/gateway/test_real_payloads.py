"""The simulator's words against payloads captured from the venue."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator.chain import abi
from simulator.core.amounts import PRICE_ONE, micro, price_units, taker_fee
from simulator.core.book import Side
from simulator.exchange.matching import filled_whole, legs_of
from tests.simulator.exchange.forms import a_form
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.real_data


def _load(folder: Path, name: str) -> Any:
    return json.loads((folder / "venue" / name).read_text(encoding="utf-8"))


def _words(log: dict[str, Any]) -> list[int]:
    data = log["data"][2:]
    return [int(data[at : at + 64], 16) for at in range(0, len(data), 64)]


def _trade(log: dict[str, Any], side: Side, token: int, amounts: tuple[int, int], fee: int) -> abi.Trade:
    shares, usdc = amounts[::-1] if side == "BUY" else amounts
    owner, counterparty = ("0x" + topic[-40:] for topic in log["topics"][2:])
    return abi.Trade(log["address"], log["topics"][1], owner, counterparty, side, str(token), shares, usdc, fee)


def test_order_filled_is_encoded_as_on_polygon(real_data: Path) -> None:
    logs = {each["name"]: each["log"] for each in _load(real_data, "polygon_logs.json")}

    v2 = logs["order_filled_v2"]
    side, token, given, received, fee, _, _ = _words(v2)
    encoded = abi.order_filled_v2(_trade(v2, "SELL" if side else "BUY", token, (given, received), fee))
    assert (encoded.data, list(encoded.topics)) == (v2["data"], v2["topics"])

    v1 = logs["order_filled_v1"]
    _, bought, given, received, fee = _words(v1)
    encoded = abi.order_filled_v1(_trade(v1, "BUY", bought, (given, received), fee))
    assert (encoded.data, list(encoded.topics)) == (v1["data"], v1["topics"])


def test_a_redemption_is_encoded_as_on_polygon(real_data: Path) -> None:
    logs = {each["name"]: each["log"] for each in _load(real_data, "polygon_logs.json")}
    log = logs["ctf_payout_redemption"]
    condition, _, payout, *_ = _words(log)
    wallet, collateral = ("0x" + topic[-40:] for topic in log["topics"][1:3])

    encoded = abi.payout_redemption(log["address"], wallet, collateral, f"0x{condition:064x}", payout)

    assert (encoded.data, list(encoded.topics)) == (log["data"], log["topics"])


def test_fees_equal_those_charged_on_chain(real_data: Path) -> None:
    for leg in _load(real_data, "chain_order_filled_taker_fees.json"):
        given, received = int(leg["maker_amount_filled"]), int(leg["taker_amount_filled"])
        usdc, shares = (given, received) if leg["side"] == "BUY" else (received, given)
        assert taker_fee(shares, usdc, Decimal(leg["fee_rate"])) == int(leg["fee"])


def test_market_buys_get_and_pay_what_they_did_on_chain(real_data: Path) -> None:
    """Of the captured taker legs those that bought: a sum in whole cents, spent at one price, minted or not."""
    legs = [leg for leg in _load(real_data, "chain_order_filled_taker_fees.json") if leg["side"] == "BUY"]
    found = [_bought(leg) for leg in legs]

    assert [leg for leg, kinds in zip(legs, found, strict=True) if not kinds] == []
    assert {kind for kinds in found for kind in kinds} == {"bought", "minted"}


def test_market_buys_that_minted_filled_their_makers_as_captured(real_data: Path) -> None:
    """A wallet's resting BUY at 0.635 met buyers of the other outcome at 0.365, each with a sum in whole cents."""
    text = (real_data / "activity_v1" / "all_types.json").read_text(encoding="utf-8")
    rows = [row for row in json.loads(text, parse_float=Decimal) if str(row["price"]).startswith("0.63500")]
    assert len(rows) > 30

    for row in rows:
        shares, others = micro(row["size"]), micro(row["usdcSize"])
        asked = -(-(shares - others) // 10_000) * 10_000
        form = a_form(maker_amount=asked, taker_amount=asked * PRICE_ONE // 3650 // 100 * 100, kind="FOK")
        legs = legs_of(form, {}, {3650: 10**12}, mint=True)
        assert [(leg.shares, leg.shares - leg.usdc) for leg in legs] == [(shares, others)], row["size"]


def _bought(leg: dict[str, Any]) -> set[str]:
    """Return the ways in which our engine gives and takes the very amounts of a leg."""
    paid, shares = int(leg["maker_amount_filled"]), int(leg["taker_amount_filled"])
    price, asked = price_units(leg["price"]), -(-paid // 10_000) * 10_000
    signed = asked * PRICE_ONE // price // 100 * 100
    form = a_form(maker_amount=asked, taker_amount=signed, kind="FOK")
    ways = {name: legs_of(form, {}, {price: 10**12}, mint=name == "minted") for name in ("bought", "minted")}
    return {
        name
        for name, legs in ways.items()
        if [(each.usdc, each.shares) for each in legs] == [(paid, shares)] and filled_whole(form, legs)
    }


@pytest.mark.simulator
def test_rest_payloads_have_every_captured_field(venue: Any, real_data: Path) -> None:
    book = venue.get("clob", "/book", token_id=venue.token).json()
    assert set(_load(real_data, "clob_book_response.json")) <= set(book)

    market = venue.get("clob", f"/markets/{venue.market.condition_id}").json()
    captured = set(_load(real_data, "clob_market_closed_binary_accepting_true.json"))
    assert captured - set(market) <= {"description", "fpmm", "notifications_enabled", "rewards"}


@pytest.mark.simulator
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_market_book_msg", "book"),
        ("ws_market_price_change_msg", "price_change"),
        ("ws_market_last_trade_msg", "last_trade_price"),
        ("ws_market_best_bid_ask_msg", "best_bid_ask"),
        ("ws_market_tick_size_msg", "tick_size_change"),
        ("ws_market_resolved_msg", "market_resolved"),
    ],
)
def test_frames_have_every_captured_field(venue: Any, real_data: Path, name: str, kind: str) -> None:
    captured = _load(real_data, name + ".json")
    with venue.channel(venue.token) as socket:
        book = _first(socket, "book")
        venue.fill(shares="3")
        venue.sim.change_tick(venue.market.condition_id, "0.001")
        venue.sim.resolve(venue.market.condition_id, (1, 0))
        frame = book if kind == "book" else _first(socket, kind)

    assert set(captured) - set(frame) <= {"tags"}
    if kind == "price_change":
        assert set(captured["price_changes"][0]) == set(frame["price_changes"][0])


def _first(socket: Any, kind: str) -> dict[str, Any]:
    while True:
        text = socket.recv(timeout=PATIENCE_S)
        frames: list[dict[str, Any]] = json.loads(text if text.startswith("[") else f"[{text}]")
        for frame in frames:
            if frame["event_type"] == kind:
                return frame
