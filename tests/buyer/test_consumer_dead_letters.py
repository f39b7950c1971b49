"""An entry that cannot be read or keeps crashing ends on the dead stream, decided, and the loop lives on."""

import queue
from typing import Any

import pytest

from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DEAD, SIGNALS
from shared.messages.decisions import Order
from shared.redis.streams import publish_event
from tests.buyer.builders import a_signal
from tests.buyer.consumer_rig import Rig, a_hash

pytestmark = pytest.mark.server


@pytest.mark.pitfall(31)
def test_a_poison_entry_is_buried_decided_and_the_next_one_bought(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": '{"event":"ACTIONABLE_SIGNAL"'})
    rig.redis.xadd(SIGNALS, {"something": "else"})
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 3)

    assert rig.settled()
    assert len(rig.events(DEAD)) == 2
    assert [decision.verdict for decision in rig.decisions()] == ["SKIP", "SKIP", "BUY"]


@pytest.mark.pitfall(29)
def test_a_handler_that_keeps_crashing_ends_on_the_dead_stream_and_the_loop_lives_on(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
    good = rig.prices.facts

    def broken(token_id: str) -> Any:
        if not rig.decisions():
            raise ZeroDivisionError("a bug")
        return good(token_id)

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug that strikes the first signal only

    rig.run_until(lambda: len(rig.decisions()) == 2)

    first, second = rig.decisions()
    assert "failed 3 times: ZeroDivisionError: a bug" in first.reason
    assert second.verdict == "BUY"
    assert rig.settled()


@pytest.mark.pitfall(29)
def test_an_intent_that_crashes_the_venue_is_given_up_and_its_budget_comes_back(valkey_url: str) -> None:
    rig = Rig(valkey_url)

    def crash(order: Order) -> None:
        if order.signal_id == a_signal(tx_hash=a_hash(1)).id:
            raise ZeroDivisionError("a bug")

    rig.venue.before = crash
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())

    bad, good = rig.decisions()
    assert bad.outcome is not None
    assert (bad.outcome.state, bad.outcome.reason) == ("CANCELLED", "failed 3 times: ZeroDivisionError: a bug")
    assert good.verdict == "BUY"
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000 - 4_997_200
    assert rig.journal.open_intents() == {}


def test_a_signal_that_is_buried_gets_its_terminal_decision_in_its_own_name(valkey_url: str) -> None:
    rig = Rig(valkey_url)

    def broken(_: str) -> Any:
        raise ZeroDivisionError("a bug")

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug
    publish_event(rig.redis, SIGNALS, a_signal())
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(rig.settled)

    (decision,) = rig.decisions()
    assert (decision.signal_id, decision.leader) == (a_signal().id, a_signal().leader)
    assert len(rig.events(DEAD)) == 1
    assert rig.service.counter.counts == {"SKIP dead letter": 1}


@pytest.mark.pitfall(29)
def test_a_bug_met_by_callback_is_left_to_the_stream_that_buries_it(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())

    def broken(_: str) -> Any:
        raise ZeroDivisionError("a bug")

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug
    rig.service.submit(a_signal())
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert rig.decisions()[0].reason == "dead letter: failed 3 times: ZeroDivisionError: a bug"


@pytest.mark.pitfall(31)
def test_bytes_that_are_no_text_are_buried_like_any_poison(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": b"\xff\xfe"})
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())

    assert [decision.verdict for decision in rig.decisions()] == ["SKIP", "BUY"]


@pytest.mark.pitfall(30)
def test_an_attempt_that_worked_in_the_end_is_forgotten(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    failures = [1]

    def once(_: object) -> None:
        if failures:
            failures.pop()
            raise ZeroDivisionError("a bug")

    rig.venue.before = once
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert rig.decisions()[0].outcome is not None
    assert not rig.service._attempts._crashes
