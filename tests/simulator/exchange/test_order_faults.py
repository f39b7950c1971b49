"""What goes wrong between a client and the matching engine."""

from typing import Any

import pytest
from httpx import ReadTimeout
from polymarket.errors import RequestRejectedError

from simulator.clob.signer_limits import SignerLimits

pytestmark = pytest.mark.simulator


@pytest.mark.pitfall(20)
def test_a_post_that_timed_out_may_have_matched(trader: Any) -> None:
    signed = trader.market()
    trader.venue.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.02})
    assert trader.send(trader.body(signed), "/order") == (504, None)
    (order,) = trader.truth()
    assert order["status"] == "MATCHED"

    assert "Duplicated" in trader.post(signed)[1]["error"]
    assert trader.get(f"/data/order/{order['order_hash']}")[1]["status"] == "MATCHED"


@pytest.mark.pitfall(20)
def test_a_post_that_timed_out_may_never_have_arrived(trader: Any) -> None:
    signed = trader.market()
    trader.venue.sim.fault("lost_request", "clob", route="/order", count=1, params={"seconds": 0.5})
    trader.client._ctx.secure_clob._client.timeout = 0.1
    with pytest.raises(ReadTimeout):
        trader.post(signed)
    trader.client._ctx.secure_clob._client.timeout = 5
    assert trader.truth() == []
    assert trader.get("/data/order/0x00")[0] == 404
    assert trader.post(signed)[0] == 200


@pytest.mark.parametrize(
    ("mode", "status", "restriction"),
    [("restarting", 425, "restarting"), ("post_only", 503, "post_only"), ("cancel_only", 503, "cancel_only")],
)
def test_a_restarting_engine_says_what_it_takes_and_when_to_come_back(
    trader: Any, mode: str, status: int, restriction: str
) -> None:
    trader.venue.sim.fault("engine", "clob", seconds=40, params={"mode": mode, "retry_after": 7})
    with pytest.raises(RequestRejectedError) as refused:
        trader.client.post_order(trader.market())
    told = refused.value
    assert (told.status, told.restriction, told.retry_after) == (status, restriction, 7)

    passive = trader.post(trader.limit("10", "0.48", post_only=True))[0]
    assert (passive == 200) == (mode == "post_only")
    trader.venue.sim.advance(41)
    assert trader.post(trader.market())[0] == 200


def test_a_restart_ends_with_a_post_only_window(trader: Any) -> None:
    trader.venue.sim.fault("engine", "clob", seconds=150, params={"mode": "restart"})
    assert trader.post(trader.market())[0] == 425
    trader.venue.sim.advance(31)
    assert trader.post(trader.market())[1]["code"] == "post_only_mode"


def test_a_signer_has_a_bucket_of_its_own(trader: Any) -> None:
    trader.venue.post("sim", "/tier", {"orders": {"per_s": 0.01, "burst": 2}})
    signed = trader.limit()
    assert [trader.post(signed)[0] for _ in range(3)] == [200, 400, 429]


def test_a_batch_passes_whole_or_not_at_all_and_tokens_come_back() -> None:
    limits = SignerLimits(enabled=True)
    assert limits.take("a", "orders", 60, 0.0)[0]
    refused, headers = limits.take("a", "orders", 15, 0.25)
    assert (refused, headers["retry-after"], headers["poly-ratelimit-remaining"]) == (False, "1", "10")
    assert limits.take("a", "orders", 10, 0.25)[0]
    assert limits.take("b", "orders", 60, 0.25)[0]
    assert limits.take("a", "cancels", 120, 0.25)[0]


def test_the_site_says_where_a_caller_is(trader: Any) -> None:
    assert trader.venue.get("site", "/api/geoblock").json()["blocked"] is False
    trader.venue.post("sim", "/region", {"blocked": True, "country": "US", "region": "NY"})
    assert trader.venue.get("site", "/api/geoblock").json()["country"] == "US"


def test_the_chain_knows_the_wallet(trader: Any) -> None:
    wallet, spender = trader.wallet[2:].rjust(64, "0"), "e111180000d2663c0091e4f400237545b87b996b".rjust(64, "0")
    pusd = "0xc011a7e12a19f7b1f670d46f03b03f3342e82dfb"
    balance = trader.venue.rpc("eth_call", {"to": pusd, "data": "0x70a08231" + wallet}, "latest")["result"]
    allowed = trader.venue.rpc("eth_call", {"to": pusd, "data": "0xdd62ed3e" + wallet + spender}, "latest")["result"]
    assert (int(balance, 16), int(allowed, 16)) == (1_000_000_000, 2**256 - 1)
    assert trader.venue.rpc("eth_getCode", trader.wallet, "latest")["result"] != "0x"


def test_a_trade_that_waits_to_be_carried_out_can_be_listed_without_numbers(trader: Any) -> None:
    trader.venue.sim.fault("blank_numbers", "clob", route="/data/trades", count=1)
    trader.post(trader.market())

    (blank,) = trader.get("/data/trades")[1]["data"]
    (whole,) = trader.get("/data/trades")[1]["data"]

    assert (blank["size"], blank["price"], blank["maker_orders"][0]["matched_amount"]) == ("", "", "")
    assert (blank["id"], blank["status"]) == (whole["id"], whole["status"])
    assert whole["size"] != ""


def test_an_answer_can_say_error_beside_what_was_matched(trader: Any) -> None:
    trader.venue.sim.fault("contradiction", "clob", route="/order", count=1)

    status, said = trader.post(trader.market())

    assert (status, said["success"], bool(said["errorMsg"])) == (200, False, True)
    assert said["takingAmount"] != ""
    assert [order["status"] for order in trader.truth()] == ["MATCHED"]


@pytest.mark.parametrize(("route", "order", "trades"), [("/data", 404, 0), ("/data/trades", 200, 0)])
def test_a_venue_can_be_late_to_show_what_it_took(trader: Any, route: str, order: int, trades: int) -> None:
    trader.post(trader.market())
    (taken,) = trader.truth()
    trader.venue.sim.fault("hidden_order", "clob", route=route, seconds=10)

    assert trader.get(f"/data/order/{taken['order_hash']}")[0] == order
    assert len(trader.get("/data/trades")[1]["data"]) == trades
    trader.venue.sim.advance(11)
    assert len(trader.get("/data/trades")[1]["data"]) == 1


def test_one_fault_does_not_end_another_that_has_time_left(trader: Any) -> None:
    sim = trader.venue.sim
    sim.fault("settlement_retry", "clob", count=1, params={"seconds": 600})
    sim.fault("blank_numbers", "clob", route="/data/trades", seconds=300)
    trader.post(trader.market())

    assert trader.get("/data/trades")[1]["data"][0]["size"] == ""
