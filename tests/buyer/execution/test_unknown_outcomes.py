"""An order that may stand is never concluded by what cannot be read: the ledger is what the venue's record says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from buyer.venue.polymarket.account import Shown
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import INTENTS, SIGNED
from simulator import ManualClock, Settings, WallClock, serve
from tests.buyer.builders import some_limits
from tests.buyer.execution.hand_driven import HandDriven

pytestmark = [pytest.mark.simulator, pytest.mark.pitfall(33)]

TEN_MINUTES_S = 600.0


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


@pytest.fixture
def buyer() -> Iterator[HandDriven]:
    quiet = Settings(fills_per_minute=0, resolve_after_s=1_000_000, limits=False)
    with serve(quiet, ManualClock(WallClock().now_ms())) as sim:
        yield HandDriven(sim)


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


OTHER = "0x" + "b2" * 20


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


def test_an_unknown_order_is_asked_for_ever_more_seldom(buyer: HandDriven) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("http_5xx", "clob", route="/data", seconds=TEN_MINUTES_S, params={"status": 500})
    buyer.publish()

    buyer.run(60)
    at_first = buyer.requests("/data")
    buyer.run(TEN_MINUTES_S - 60, 2)

    assert 5 <= at_first <= 8
    assert 8 <= buyer.requests("/data") - at_first <= 10


def test_an_order_whose_trade_takes_long_is_listed_ever_more_seldom_and_settled_soon_after(buyer: HandDriven) -> None:
    buyer.sim.fault("settlement_retry", "clob", params={"seconds": TEN_MINUTES_S})
    buyer.publish()

    buyer.run(60)
    at_first = buyer.requests("/data/trades")
    buyer.run(TEN_MINUTES_S - 60, 2)
    later = buyer.requests("/data/trades") - at_first
    buyer.run(75)

    assert 15 <= at_first <= 30
    assert 15 <= later <= 30
    buyer.agrees()


def test_an_order_that_never_arrived_is_given_up_after_several_readable_looks_and_not_before(
    buyer: HandDriven,
) -> None:
    buyer.sim.fault("lost_request", "clob", route="/order", params={"seconds": 0.0})
    buyer.publish()
    buyer.run(1)
    buyer.clock.advance(some_limits().max_signal_age_s)
    buyer.sim.fault("http_5xx", "clob", route="/data", seconds=60, params={"status": 404})

    buyer.run(20)
    assert len(buyer.under_way()[0]) == 1

    buyer.run(60)
    (decision,) = buyer.told
    assert decision.outcome is not None
    assert (decision.outcome.state, decision.outcome.reason) == ("CANCELLED", "stale when the buyer came back")
    buyer.agrees()


def test_a_404_of_somebody_before_the_venue_is_no_word_that_there_is_no_such_order(buyer: HandDriven) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("html_403", "clob", route="/data/order", seconds=TEN_MINUTES_S, params={"status": 404})
    buyer.sim.fault("hidden_order", "clob", route="/data/trades", seconds=TEN_MINUTES_S)
    buyer.publish()

    buyer.run(TEN_MINUTES_S, 2)
    assert buyer.told == []

    buyer.run(120)
    buyer.agrees()


def test_a_refusal_of_the_same_bytes_says_nothing_of_what_became_of_them_before(buyer: HandDriven) -> None:
    """The venue took the order, shows it late, and meanwhile finds too little cash for it a second time."""
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.publish()
    buyer.sim.fault("hidden_order", "clob", route="/data", seconds=15)
    buyer.run(1)
    buyer.sim.fault("http_5xx", "clob", route="/order", count=1, params={"status": 400})

    buyer.run(5)
    assert buyer.told == []

    buyer.run(60)
    assert buyer.held().keys() == {buyer.tokens[0]}
    buyer.agrees()


def test_an_order_that_the_venue_calls_duplicated_and_never_shows_is_cancelled_in_the_end(buyer: HandDriven) -> None:
    """A killed order's hash is remembered, the order itself is not."""
    buyer.offer(buyer.tokens[0], asks=[])
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.sim.fault("hidden_order", "clob", route="/data", seconds=TEN_MINUTES_S)
    buyer.publish()

    buyer.run(60)
    assert [len(names) for names in buyer.under_way()] == [0, 1]

    buyer.run(TEN_MINUTES_S - 60, 2)
    assert "does not know it" in str(buyer.ledger.events[-1])
    buyer.agrees()


@pytest.mark.pitfall(38)
def test_what_the_venue_shows_of_an_order_is_said_in_words_for_who_wants_to_end_it(buyer: HandDriven) -> None:
    matched, killed = buyer.tokens[:2]
    buyer.offer(killed, asks=[])
    buyer.sim.fault("settlement_retry", "clob", params={"seconds": 400})
    since_ms = buyer.clock.now_ms()
    buyer.publish(1, matched)
    buyer.publish(2, killed)
    buyer.run(2)
    by_token = {order["token_id"]: order["order_hash"] for order in buyer.orders()}

    stands = buyer.account.shown(by_token[matched], matched, since_ms)
    over = buyer.account.shown(by_token[killed], "", since_ms)

    assert stands == Shown(
        "the order as matched, 9.98 shares matched; a trade that is TRADE_STATUS_RETRYING", ended=False
    )
    assert over is not None
    assert over.ended
    assert buyer.account.shown("0x" + "00" * 32, matched, since_ms) is None


def test_a_look_up_that_crashes_says_nothing_of_the_order(buyer: HandDriven) -> None:
    def crash(order_hash: str) -> None:
        raise ZeroDivisionError(f"a bug in reading {order_hash}")

    good = buyer.account.order
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    buyer.account.order = crash  # type: ignore[method-assign, assignment]  # what the venue sends next year
    buyer.publish()
    buyer.run(60)
    assert buyer.told == []

    buyer.account.order = good  # type: ignore[method-assign]  # mended
    buyer.run(120)

    buyer.agrees()


def test_an_intent_that_cannot_be_read_is_left_to_a_person_while_its_signed_order_may_stand(
    buyer: HandDriven,
) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    signal = buyer.publish()
    buyer.run(1)
    newer = buyer.ledger.records(INTENTS)[signal.id].replace('"verdict":"BUY"', '"verdict":"PERHAPS"')
    buyer.ledger.commit(LedgerWrite(id="upgrade", records=(LedgerRecord(INTENTS, signal.id, newer),)))
    buyer.restart()
    buyer.publish(2, buyer.tokens[1])

    buyer.run(120)

    assert [decision.token_id for decision in buyer.told] == [buyer.tokens[1]]
    assert buyer.ledger.records(SIGNED).keys() == {signal.id}
    assert "1-0" not in buyer.ledger.acked


def test_what_a_version_of_before_called_decided_while_its_order_filled_is_taken_in(buyer: HandDriven) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    signal = buyer.publish()
    buyer.run(1)
    buyer.ledger.commit(LedgerWrite(id=f"decision:{signal.id}"))
    buyer.restart()

    buyer.run(60)

    assert buyer.held().keys() == {buyer.tokens[0]}
    buyer.agrees()
