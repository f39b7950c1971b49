"""POST /order: what the official SDK builds is taken, every mutation of it is refused."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.simulator


@pytest.mark.parametrize("kind", ["eoa", "proxy", "safe", "deposit"])
def test_every_wallet_type_buys_with_what_the_sdk_signs(trader_of: Callable[..., Any], kind: str) -> None:
    trader = trader_of(kind)
    status, answer = trader.post(trader.market("10", "0.50"))

    assert (status, answer["status"], answer["success"]) == (200, "matched", True)
    assert (answer["makingAmount"], answer["takingAmount"]) == ("10", "20")
    assert trader.truth()[0]["order_hash"] == answer["orderID"]


def test_the_same_bytes_are_known_and_never_taken_twice(trader: Any) -> None:
    signed = trader.market()
    first, second = trader.post(signed), trader.post(signed)

    assert first[0] == 200
    assert second == (400, {"error": f"order {first[1]['orderID']} is invalid. Duplicated."})
    (order,) = trader.truth()
    assert (order["posts"], len(order["trades"])) == (2, 1)


_MUTATIONS: dict[str, dict[str, Any]] = {
    "salt": {"salt": 7},
    "more for less": {"takerAmount": "20010000"},
    "another token": {"tokenId": "other"},
    "the other side": {"side": "SELL"},
    "metadata": {"metadata": "0x" + "11" * 32},
    "builder": {"builder": "0x" + "22" * 32},
    "time": {"timestamp": "1"},
    "as an EOA": {"signatureType": 0},
    "as a Safe": {"signatureType": 2},
    "no signature": {"signature": "0x00"},
}


@pytest.mark.parametrize("kind", ["safe", "deposit"])
def test_a_field_changed_after_signing_is_no_valid_signature(trader_of: Callable[..., Any], kind: str) -> None:
    trader = trader_of(kind)
    whole = trader.body(trader.market())
    for name, changed in _MUTATIONS.items():
        body = copy.deepcopy(whole)
        if body["order"]["signatureType"] == changed.get("signatureType"):
            continue
        body["order"] |= changed
        if changed.get("tokenId"):
            body["order"]["tokenId"] = trader.venue.market.tokens[1]
        status, answer = trader.send(body)
        allowed = {"invalid signature", "the order signer address has to be the address of the API KEY"}
        assert status == 400, name
        assert answer["error"] in allowed, name
    assert trader.truth() == []


@pytest.mark.parametrize("kind", ["eoa", "deposit"])
@pytest.mark.parametrize(
    "wrong", [{"chain_id": 80002}, {"exchange_address": "0xE111180000d2663C0091e4f400237545B87B996B"}]
)
def test_another_chain_or_the_exchange_of_other_markets_is_refused(
    trader_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, kind: str, wrong: dict[str, Any]
) -> None:
    from polymarket._internal.actions.orders.orders import create_unsigned_order  # noqa: PLC0415 - a slow import

    def mixed_up(*given: Any, **named: Any) -> Any:
        return dataclasses.replace(create_unsigned_order(*given, **named), **wrong)

    monkeypatch.setattr("polymarket.clients.secure.create_unsigned_order", mixed_up)
    trader = trader_of(kind)
    assert trader.post(trader.market()) == (400, {"error": "invalid signature"})
