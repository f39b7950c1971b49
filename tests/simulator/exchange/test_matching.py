"""Signed orders against the book: what they take, what rests, what the world does to it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator
FAK = "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
FOK = "order couldn't be fully filled. FOK orders are fully filled or killed."


def _best(trader: Any, side: str) -> tuple[str, Decimal] | None:
    book = trader.venue.get("clob", "/book", token_id=trader.token).json()[side]
    return (book[-1]["price"], Decimal(book[-1]["size"])) if book else None


def test_a_sum_is_spent_level_by_level_at_the_makers_prices(trader: Any) -> None:
    _, answer = trader.post(trader.market("60", "0.51"))

    assert Decimal(answer["makingAmount"]) == 60
    assert Decimal(answer["takingAmount"]) == 100 + Decimal("19.607844")
    assert _best(trader, "asks") == ("0.51", 200 - Decimal("19.607844"))


@pytest.mark.pitfall(20)
def test_a_fak_order_takes_what_is_there_and_the_rest_is_killed(trader: Any) -> None:
    _, answer = trader.post(trader.market("500", "0.51"))
    (order,) = trader.truth()

    assert (answer["status"], answer["makingAmount"], answer["takingAmount"]) == ("matched", "152", "300")
    assert (order["status"], order["matched_usdc_micro"]) == ("CANCELED", 152_000_000)
    assert trader.get(f"/data/order/{answer['orderID']}")[1]["size_matched"] == "300"


def test_orders_that_find_nothing_are_killed_with_their_id_and_stay_known(trader: Any) -> None:
    signed = trader.market("10", "0.49")
    status, answer = trader.post(signed)
    assert (status, answer["error"]) == (400, FAK)
    assert trader.get(f"/data/order/{answer['orderID']}")[1]["status"] == "CANCELED"
    assert "Duplicated" in trader.post(signed)[1]["error"]

    before = _best(trader, "asks")
    assert trader.post(trader.market("500", "0.51", kind="FOK"))[1]["error"] == FOK
    assert _best(trader, "asks") == before
    assert trader.post(trader.market("50", "0.50", kind="FOK"))[0] == 200
    assert trader.account()["locked_micro"] == {"pUSD": 50_000_000 + _fee(trader)}


def _fee(trader: Any) -> int:
    return sum(trade["fee_micro"] for order in trader.truth() for trade in order["trades"])


def test_a_resting_order_joins_the_book_locks_its_money_and_leaves_on_cancel(trader: Any) -> None:
    _, answer = trader.post(trader.limit("10", "0.48"))
    levels = {
        each["price"]: each["size"] for each in trader.venue.get("clob", "/book", token_id=trader.token).json()["bids"]
    }
    assert (answer["status"], levels["0.48"]) == ("live", "210.00")
    assert trader.account()["locked_micro"] == {"pUSD": 4_800_000}
    assert [each.id for each in trader.client.list_open_orders().first_page().items] == [answer["orderID"]]

    first = trader.client.cancel_order(order_id=answer["orderID"])
    again = trader.client.cancel_order(order_id=answer["orderID"])

    assert first.canceled == (answer["orderID"],)
    assert again.not_canceled == {answer["orderID"]: "already canceled or matched"}
    assert trader.account()["locked_micro"] == {}
    assert _best(trader, "bids") == ("0.49", 100)


def test_a_crossing_limit_order_trades_and_the_rest_of_it_waits(trader: Any) -> None:
    _, answer = trader.post(trader.limit("150", "0.50"))
    (order,) = trader.truth()

    assert (answer["status"], answer["takingAmount"]) == ("matched", "100")
    assert (order["status"], order["resting_shares_micro"]) == ("LIVE", 50_000_000)
    assert _best(trader, "bids") == ("0.50", 50)


def test_the_world_fills_a_resting_order_behind_the_crowd(trader: Any) -> None:
    trader.post(trader.limit("10", "0.49"))
    trader.venue.fill(side="SELL", shares="104", price="0.49")
    (order,) = trader.truth()
    assert (order["matched_shares_micro"], order["status"]) == (4_000_000, "LIVE")

    trader.set_book([["0.40", "100"]], [["0.45", "100"]])

    (order,) = trader.truth()
    assert (order["status"], order["matched_usdc_micro"]) == ("MATCHED", 4_900_000)
    assert [trade["role"] for trade in order["trades"]] == ["MAKER", "MAKER"]
    assert _fee(trader) == 0


def test_post_only_orders_never_take(trader: Any) -> None:
    crossing = trader.post(trader.limit("10", "0.50", post_only=True))
    assert crossing == (400, {"error": "invalid post-only order: order crosses book"})
    assert trader.post(trader.limit("10", "0.49", post_only=True))[1]["status"] == "live"


def test_gtd_orders_and_those_of_ended_markets_leave_by_themselves(trader: Any) -> None:
    now_s = trader.venue.sim.world.now_ms() // 1000
    trader.post(trader.limit("10", "0.48", expiration=now_s + 200))
    trader.post(trader.limit("10", "0.47"))
    trader.venue.sim.advance(141)
    assert [order["status"] for order in trader.truth()] == ["CANCELED", "LIVE"]
    trader.venue.sim.resolve(trader.venue.market.condition_id, (1, 0))
    assert trader.truth()[1]["status"] == "CANCELED"
    assert trader.account()["locked_micro"] == {}


@pytest.mark.pitfall(20)
def test_a_delayed_order_is_taken_now_and_matched_later(trader: Any) -> None:
    trader.venue.post("sim", "/delay", {"condition_id": trader.venue.market.condition_id, "seconds": 3})
    _, answer = trader.post(trader.market())
    assert (answer["status"], answer["success"], answer["makingAmount"]) == ("delayed", True, "")
    assert trader.truth()[0]["trades"] == []

    trader.venue.sim.advance(4)

    assert trader.truth()[0]["status"] == "MATCHED"


def test_both_tokens_trade_in_one_book_and_who_buys_the_other_one_mints(trader: Any) -> None:
    trader.token = trader.venue.market.tokens[1]
    _, answer = trader.post(trader.market("10", "0.51", kind="FOK"))
    assert (answer["makingAmount"], answer["takingAmount"]) == ("9.999999", "19.607842")
    (trade,) = trader.get("/data/trades")[1]["data"]
    (maker,) = trade["maker_orders"]
    assert (maker["asset_id"], maker["side"], maker["price"]) == (trader.venue.token, "BUY", "0.49")
    trader.token = trader.venue.token
    assert _best(trader, "bids") == ("0.49", 100 - Decimal("19.607842"))

    trader.venue.sim.advance(6)

    logs = trader.venue.logs(trader.wallet)
    given, received = (int(logs[0]["data"][2 + 64 * place :][:64], 16) for place in (2, 3))
    assert (given, received) == (9_999_999, 19_607_842)


@pytest.mark.pitfall(17)
@pytest.mark.parametrize("outcome", [0, 1])
@pytest.mark.parametrize(("amount", "price"), [("1", "0.48"), ("5", "0.66"), ("1", "0.82"), ("5", "0.97")])
def test_no_fok_is_killed_for_dust_bought_or_minted(trader: Any, amount: str, price: str, outcome: int) -> None:
    offered = [price, "900"] if outcome == 0 else [str(1 - Decimal(price)), "900"]
    trader.set_book(*(([], [offered]) if outcome == 0 else ([offered], [])))
    trader.token = trader.venue.market.tokens[outcome]

    status, answer = trader.post(trader.market(amount, price, kind="FOK"))

    assert (status, answer["status"]) == (200, "matched")
    assert 0 <= Decimal(amount) - Decimal(answer["makingAmount"]) < Decimal("0.0001")


@pytest.mark.pitfall(17)
def test_a_sum_that_empties_a_level_but_for_a_micro_unit_is_spent(trader: Any) -> None:
    trader.set_book([["0.40", "100"]], [["0.51", "19.607843"]])

    status, answer = trader.post(trader.market("10", "0.51", kind="FOK"))

    assert (status, answer["makingAmount"], answer["takingAmount"]) == (200, "9.999999", "19.607843")


def test_the_market_channel_shows_what_an_order_took(trader: Any) -> None:
    with trader.venue.channel(trader.token) as socket:
        socket.recv(timeout=PATIENCE_S)
        trader.post(trader.market("10", "0.50"))
        frames = [json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(3)]
    prints = [each for each in frames if each["event_type"] == "last_trade_price"]
    assert [(each["side"], each["size"], each["price"]) for each in prints] == [("BUY", "20.00", "0.50")]


def test_a_batch_answers_order_by_order(trader: Any) -> None:
    bodies = [trader.body(trader.limit("10", "0.48")), trader.body(trader.market("10", "0.49"))]
    _, answers = trader.send(bodies, "/orders")
    assert [(each["success"], each["status"]) for each in answers] == [(True, "live"), (False, "unmatched")]
    assert answers[1]["errorMsg"] == FAK
    assert trader.send([bodies[0]] * 16, "/orders")[0] == 400
