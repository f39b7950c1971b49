"""An unknown order is asked for ever more seldom, and given up only after looks that could be read."""

import pytest

from buyer.venue.polymarket.account import Shown
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import INTENTS, SIGNED
from tests.buyer.builders import some_limits
from tests.buyer.execution.unknown.hand_driven import HandDriven
from tests.buyer.execution.unknown.quiet_venue import TEN_MINUTES_S, buyer

pytestmark = [pytest.mark.simulator, pytest.mark.pitfall(33)]
__all__ = ["buyer"]


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
