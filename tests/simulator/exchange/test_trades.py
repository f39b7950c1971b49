"""From a match to the chain: MATCHED, MINED, CONFIRMED, or RETRYING, or FAILED; and who is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from polymarket.models.clob.user_events import parse_user_event

from simulator.core.contracts import EXCHANGES_V2
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator
SIGNAL = "0x" + "ab" * 32


def _listen(trader: Any, **more: Any) -> Any:
    keys = trader.client._ctx.credentials
    auth = {"apiKey": keys.key, "secret": keys.secret, "passphrase": keys.passphrase}
    socket = trader.venue.socket("clob_user_ws_url", {"type": "user", "auth": auth, **more})
    socket.send("PING")
    assert socket.recv(timeout=PATIENCE_S) == "PONG"
    return socket


def _heard(socket: Any) -> list[tuple[str, str]]:
    """Return type and status of every frame so far, after the official SDK has parsed it."""
    socket.send("PING")
    seen: list[tuple[str, str]] = []
    while (text := socket.recv(timeout=PATIENCE_S)) != "PONG":
        event = parse_user_event(json.loads(text))
        kind = getattr(event.payload, "order_event_type", "TRADE")
        seen.append((kind, str(event.payload.status)))
    return seen


def _statuses(trader: Any) -> list[str]:
    return [trade["status"] for order in trader.truth() for trade in order["trades"]]


def test_a_match_is_mined_then_confirmed_and_only_then_money_has_moved(trader: Any) -> None:
    with _listen(trader) as socket:
        trader.post(trader.market("10", "0.50"))
        assert trader.account()["cash_micro"] == 1_000_000_000
        trader.venue.sim.advance(4)
        assert _statuses(trader) == ["MINED"]
        trader.venue.sim.advance(6)
        assert _statuses(trader) == ["CONFIRMED"]
        heard = _heard(socket)

    fee = trader.truth()[0]["trades"][0]["fee_micro"]
    assert heard == [
        ("PLACEMENT", "LIVE"),
        ("TRADE", "MATCHED"),
        ("UPDATE", "MATCHED"),
        ("TRADE", "MINED"),
        ("TRADE", "CONFIRMED"),
    ]
    account = trader.account()
    assert account["cash_micro"] == 1_000_000_000 - 10_000_000 - fee
    assert account["shares_micro"] == {trader.token: 20_000_000}
    assert account["locked_micro"] == {}


def test_the_chain_and_the_data_api_tell_of_the_order(trader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polymarket._internal.actions.orders.orders.BYTES32_ZERO", SIGNAL)
    _, answer = trader.post(trader.market("10", "0.50"))
    trader.venue.sim.advance(12)

    (log,) = trader.venue.logs(trader.wallet)
    words = [log["data"][2:][at : at + 64] for at in range(0, 448, 64)]
    assert log["topics"][1] == answer["orderID"]
    assert log["transactionHash"] == answer["transactionsHashes"][0]
    assert ("0x" + words[5], "0x" + words[6]) == (SIGNAL, SIGNAL), "builder, metadata"
    assert [int(word, 16) for word in words[2:4]] == [10_000_000, 20_000_000]
    rows = trader.venue.get("data", "/v2/positions", user=trader.wallet).json()["data"]
    assert [(row["token_id"], row["current_size"]) for row in rows] == [(trader.token, 20.0)]
    assert trader.venue.get("sim", "/orders", metadata=SIGNAL).json()["orders"] == trader.truth()


@pytest.mark.pitfall(20)
def test_a_failed_settlement_gives_money_and_levels_back(trader: Any) -> None:
    trader.venue.sim.fault("settlement_failed", "clob", count=1)
    with _listen(trader) as socket:
        trader.post(trader.market("10", "0.50"))
        trader.venue.sim.advance(12)
        assert _heard(socket)[-1] == ("TRADE", "FAILED")

    assert _statuses(trader) == ["FAILED"]
    account = trader.account()
    assert (account["cash_micro"], account["locked_micro"], account["shares_micro"]) == (1_000_000_000, {}, {})
    assert trader.venue.logs(trader.wallet) == []
    assert trader.venue.get("clob", "/book", token_id=trader.token).json()["asks"][-1]["size"] == "100.00"
    (listed,) = trader.client.list_account_trades().first_page().items
    assert listed.status == "FAILED"


def test_a_retried_settlement_is_mined_later(trader: Any) -> None:
    trader.venue.sim.fault("settlement_retry", "clob", count=1, params={"seconds": 10})
    trader.post(trader.market())
    trader.venue.sim.advance(5)
    assert _statuses(trader) == ["RETRYING"]
    trader.venue.sim.advance(15)
    assert _statuses(trader) == ["CONFIRMED"]
    assert len(trader.venue.logs(trader.wallet)) == 1


@pytest.mark.pitfall(11)
def test_a_reorganisation_takes_a_mined_trade_back(trader: Any) -> None:
    trader.post(trader.market())
    trader.venue.sim.advance(4)
    trader.venue.sim.fault("reorg", "rpc", params={"blocks": 5})
    trader.venue.sim.advance(10)

    assert _statuses(trader) == ["FAILED"]
    account = trader.account()
    assert (account["cash_micro"], account["fees_micro"], account["shares_micro"]) == (1_000_000_000, 0, {})


def test_frames_can_be_lost_and_repeated(trader: Any) -> None:
    trader.venue.sim.fault("lost_message", "user", route="/trade", count=1)
    trader.venue.sim.fault("duplicate_message", "user", route="/trade", count=1)
    with _listen(trader) as socket:
        trader.post(trader.market())
        trader.venue.sim.advance(12)
        heard = _heard(socket)
    assert [status for kind, status in heard if kind == "TRADE"] == ["MINED", "MINED", "CONFIRMED"]


def test_the_user_channel_is_the_owners_alone(trader_of: Callable[..., Any]) -> None:
    trader, other = trader_of(), trader_of("safe")
    elsewhere = trader.venue.sim.markets[4].condition_id
    with _listen(other) as socket, _listen(trader, markets=[elsewhere]) as narrow:
        trader.post(trader.market())
        assert _heard(socket) == []
        assert _heard(narrow) == []


def test_a_resting_order_filled_by_the_world_is_told_to_its_maker(trader: Any) -> None:
    _, answer = trader.post(trader.limit("10", "0.49"))
    with _listen(trader) as socket:
        trader.venue.fill(side="SELL", shares="200", price="0.49")
        frames = [json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(2)]

    trade = next(each for each in frames if each["event_type"] == "trade")
    assert (trade["trader_side"], trade["side"]) == ("MAKER", "SELL")
    (maker,) = trade["maker_orders"]
    assert (maker["order_id"], maker["side"], maker["matched_amount"]) == (answer["orderID"], "BUY", "10")


@pytest.mark.real_data
def test_own_orders_and_trades_have_every_captured_field(trader: Any, real_data: Path) -> None:
    def captured(name: str) -> dict[str, Any]:
        return json.loads((real_data / "venue" / f"{name}.json").read_text(encoding="utf-8"))

    with _listen(trader) as socket:
        _, answer = trader.post(trader.market())
        frames = [json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(3)]
    order = trader.get(f"/data/order/{answer['orderID']}")[1]
    (trade,) = trader.get("/data/trades")[1]["data"]

    assert set(captured("http_order_response_ok")) <= set(answer)
    assert set(captured("http_open_order")) == set(order)
    assert set(captured("http_trade_report")) == set(trade)
    assert set(captured("http_trade_report")["maker_orders"][0]) == set(trade["maker_orders"][0])
    assert set(captured("ws_user_order_msg")) == set(frames[0])
    assert set(captured("ws_user_trade_msg")) <= set(frames[1])
    assert set(captured("http_signed_order")) == set(trader.body(trader.market())["order"])


def test_a_sale_far_below_the_bid_matches_and_reverts_for_its_fee(trader: Any) -> None:
    """N7: the contract caps a fee at a part of what the sale comes to at its own limit."""
    trader.post(trader.market("10", "0.50"))
    trader.venue.sim.advance(12)

    trader.post(trader.market("5", "0.01", side="SELL"))
    trader.venue.sim.advance(12)
    trader.post(trader.market("5", "0.40", side="SELL"))
    trader.venue.sim.advance(12)

    assert _statuses(trader) == ["CONFIRMED", "FAILED", "CONFIRMED"]
    cap = trader.venue.rpc("eth_call", {"to": EXCHANGES_V2[0], "data": "0x4a2a11f5"}, "latest")
    assert int(cap["result"], 16) == 1000
