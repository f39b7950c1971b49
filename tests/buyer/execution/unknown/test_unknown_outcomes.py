"""An order that may stand is never concluded by what cannot be read: the ledger is what the venue's record says."""

from dataclasses import dataclass
from itertools import product

import pytest

from tests.buyer.execution.unknown.hand_driven import HandDriven
from tests.buyer.execution.unknown.quiet_venue import TEN_MINUTES_S, buyer

pytestmark = [pytest.mark.simulator, pytest.mark.pitfall(33)]
__all__ = ["buyer"]
OTHER = "0x" + "b2" * 20


@dataclass(frozen=True)
class Trouble:
    """What a request meets: the venue's fault and its parameters."""

    fault: str
    status: int | None = None

    @property
    def params(self) -> dict[str, float]:
        if self.fault.startswith("lost"):
            return {"seconds": 0.0}
        return {} if self.status is None else {"status": self.status}


TROUBLES = {
    "answer lost": Trouble("lost_answer"),
    "truncated": Trouble("truncated"),
    "400": Trouble("http_5xx", 400),
    "403 of a CDN": Trouble("html_403"),
    "429": Trouble("http_429"),
    "500": Trouble("http_5xx", 500),
    "200 with an error object": Trouble("error_object"),
    "blank numbers": Trouble("blank_numbers"),
}
SENDINGS = {
    "answer lost": Trouble("lost_answer"),
    "never arrived": Trouble("lost_request"),
    "truncated": Trouble("truncated"),
    "400": Trouble("http_5xx", 400),
    "429": Trouble("http_429"),
    "500": Trouble("http_5xx", 500),
    "200 with an error object": Trouble("error_object"),
    "contradiction": Trouble("contradiction"),
}
TAKEN = {"answer lost", "truncated", "200 with an error object", "contradiction"}
HOW_LONG: dict[str, dict[str, float]] = {
    "once": {"count": 1},
    "four times": {"count": 4},
    "for ten minutes": {"seconds": TEN_MINUTES_S},
}


def look_ups_meet(buyer: HandDriven, trouble: Trouble, lasts: dict[str, float]) -> None:
    """Trouble whatever asks for an order or for trades; blank numbers are those of a trade that takes its time."""
    if trouble.fault == "blank_numbers":
        buyer.sim.fault("settlement_retry", "clob", count=1, params={"seconds": lasts.get("seconds", 20)})
    buyer.sim.fault(trouble.fault, "clob", route="/data", params=trouble.params, **lasts)


@pytest.mark.parametrize(("name", "lasts", "restarted"), list(product(TROUBLES, HOW_LONG, [False, True])))
def test_a_filled_order_whose_answer_is_lost_ends_as_its_lot_whatever_its_look_ups_meet(
    buyer: HandDriven, name: str, lasts: str, *, restarted: bool
) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    look_ups_meet(buyer, TROUBLES[name], HOW_LONG[lasts])
    buyer.publish()

    buyer.run(3)
    if restarted:
        buyer.restart()
    buyer.run(HOW_LONG[lasts].get("seconds", 0) + 180, 2)

    (order,) = buyer.orders()
    assert order["posts"] == 1
    assert buyer.held() == {buyer.tokens[0]: order["matched_shares_micro"]}
    assert [decision.verdict for decision in buyer.told] == ["BUY"]
    buyer.agrees()


@pytest.mark.parametrize(("name", "lasts"), list(product(TROUBLES, HOW_LONG)))
def test_an_order_that_the_venue_took_is_settled_whatever_its_listings_meet(
    buyer: HandDriven, name: str, lasts: str
) -> None:
    look_ups_meet(buyer, TROUBLES[name], HOW_LONG[lasts])
    buyer.publish()

    buyer.run(HOW_LONG[lasts].get("seconds", 0) + 180, 2)

    assert buyer.held().keys() == {buyer.tokens[0]}
    buyer.agrees()


@pytest.mark.parametrize(("name", "lasts", "restarted"), list(product(SENDINGS, HOW_LONG, [False, True])))
@pytest.mark.pitfall(34)
def test_whatever_the_sending_meets_the_ledger_ends_as_the_venues_record(
    buyer: HandDriven, name: str, lasts: str, *, restarted: bool
) -> None:
    sending, how_long = SENDINGS[name], HOW_LONG[lasts]
    buyer.sim.fault(sending.fault, "clob", route="/order", params=sending.params, **how_long)
    buyer.sim.fault("http_5xx", "clob", route="/data", count=3, params={"status": 500})
    buyer.publish()

    buyer.run(3)
    if restarted:
        buyer.restart()
    buyer.run(how_long.get("seconds", 0) + 180, 2)

    assert [order["status"] for order in buyer.orders()] == ["MATCHED"] * len(buyer.orders())
    assert len(buyer.orders()) == (name in TAKEN or (lasts != "for ten minutes" and name != "400"))
    buyer.agrees()


def test_an_answer_that_says_error_beside_amounts_is_looked_up_at_once(buyer: HandDriven) -> None:
    buyer.sim.fault("contradiction", "clob", route="/order", count=1)
    buyer.publish()

    buyer.run(1)

    assert [decision.outcome and decision.outcome.state for decision in buyer.told] == ["MATCHED"]
    buyer.run(20)
    buyer.agrees()


def test_while_one_order_is_unknown_its_token_waits_and_others_go_on(buyer: HandDriven) -> None:
    first, second = buyer.tokens[:2]
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("http_5xx", "clob", route="/data", seconds=60, params={"status": 400})
    buyer.publish(1, first)
    buyer.run(5)
    buyer.publish(2, first)
    buyer.publish(3, second)

    buyer.run(20)
    assert [decision.token_id for decision in buyer.told] == [second]

    buyer.run(180)
    assert sorted(decision.token_id for decision in buyer.told) == sorted([first, first, second])
    assert buyer.held().keys() == {first, second}
    buyer.agrees()


def test_a_sell_waits_for_the_unknown_buy_of_its_lot_and_then_sells_it_whole(buyer: HandDriven) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("truncated", "clob", route="/data", seconds=TEN_MINUTES_S)
    buyer.publish(1)
    buyer.run(3)
    buyer.publish(2, side="SELL")
    buyer.run(TEN_MINUTES_S, 2)
    assert buyer.told == []

    buyer.run(180)

    assert buyer.held() == {}
    assert [order["side"] for order in buyer.orders()] == ["BUY", "SELL"]
    buyer.agrees()


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_lot_is_sold_while_an_order_of_another_leaders_lot_of_the_same_token_is_unknown(
    buyer: HandDriven, side: str
) -> None:
    buyer.publish(1, leader=OTHER)
    if side == "SELL":
        buyer.publish(2)
    buyer.run(60)
    bought = len(buyer.orders())
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("http_5xx", "clob", route="/data", seconds=TEN_MINUTES_S, params={"status": 400})
    buyer.publish(3, side=side)
    buyer.run(5)

    buyer.publish(4, side="SELL", leader=OTHER)
    buyer.run(5)

    assert [order["side"] for order in buyer.orders()[bought:]] == [side, "SELL"]
    buyer.run(TEN_MINUTES_S + 180, 2)
    assert bool(buyer.held()) == (side == "BUY")
    buyer.agrees()
