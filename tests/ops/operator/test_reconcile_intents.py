"""An intent that cannot be finished is closed by a person, and what it reserved is free again."""

import pytest

from ops.operator import reconcile
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import BadConfig
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from tests.buyer.builders import NOW_MS
from tests.ops.operator.asked_venue import FILL, AskedVenue, Shown
from tests.ops.operator.interrupted_buyer import Interrupted, Signing, decisions

pytestmark = pytest.mark.server


def test_an_intent_that_cannot_be_finished_is_closed_by_a_person_and_gives_its_budget_back(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)

    said = reconcile.main(redis, "live", ManualClock(NOW_MS), left.signal.id, "the venue shows nothing")

    assert "what it reserved is free again" in said[0]
    assert (left.cash(), left.intents()) == (100_000_000, {})
    (decision,) = decisions(redis)
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert decision.outcome.reason.endswith("the venue shows nothing")


@pytest.mark.pitfall(33)
def test_an_intent_is_listed_with_the_hash_of_the_bytes_that_were_signed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    Interrupted(redis, Signing())

    (line,) = reconcile.main(redis, "live", ManualClock(NOW_MS), "", "")

    assert f"hash {FILL.order_hash}" in line


@pytest.mark.pitfall(38)
def test_a_signed_intent_is_closed_only_when_the_venue_does_not_know_its_order(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left, filled, empty = Interrupted(redis, Signing()), AskedVenue(Shown()), AskedVenue(None)
    name, reserved = left.signal.id, left.cash()

    with pytest.raises(BadConfig, match="start that and let it run"):
        reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: filled)
    assert (left.cash(), list(left.intents())) == (reserved, [name])

    said = reconcile.close(redis, "live", name, "why", ManualClock(NOW_MS), lambda: empty)

    assert said == "closed, what it reserved is free again"
    assert filled.asked[0] == empty.asked[0] == FILL.order_hash
    assert (left.cash(), left.intents(), left.ledger.records("signed")) == (100_000_000, {}, {})
    assert [decision.outcome and decision.outcome.state for decision in decisions(redis)] == ["CANCELLED"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize("readable", [True, False])
def test_an_intent_that_outlived_its_signals_decision_is_truly_closed(valkey_url: str, *, readable: bool) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    (name, text) = left.intents().popitem()
    left.ledger.commit(LedgerWrite(id=f"decision:{name}"))
    if not readable:
        newer = text.replace('"verdict":"BUY"', '"verdict":"PERHAPS"')
        left.ledger.commit(LedgerWrite(id="upgrade", records=(LedgerRecord("intents", name, newer),)))

    said = reconcile.close(redis, "live", name, "left by a version of before", ManualClock(NOW_MS))

    assert said == "closed, what it reserved is free again"
    assert (left.cash(), left.intents()) == (100_000_000, {})


@pytest.mark.pitfall(21)
def test_an_intent_that_a_running_buyer_may_be_sending_is_not_closed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    Lease(redis, "buyer:live", "buyer@here", clock=SystemClock()).try_acquire()

    with pytest.raises(BadConfig, match="stop it first"):
        reconcile.close(redis, "live", left.signal.id, "why", ManualClock(NOW_MS))

    assert list(left.intents()) == [left.signal.id]


def test_an_intent_of_another_version_is_closed_for_good_and_gives_back_what_it_shows(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    left = Interrupted(redis)
    (name, text) = left.intents().popitem()
    newer = text.replace('"verdict":"BUY"', '"verdict":"PERHAPS"')
    left.ledger.commit(LedgerWrite(id="upgrade", records=(LedgerRecord("intents", name, newer),)))

    said = reconcile.close(redis, "live", name, "of the version before", ManualClock(NOW_MS))

    assert said == "closed, what it reserved is free again"
    assert (left.cash(), left.intents()) == (100_000_000, {})
    left.clock.advance(60)
    assert left.engine.process_actionable(left.signal) is None
    assert [decision.verdict for decision in decisions(redis)] == ["SKIP"]


def test_what_nobody_can_read_is_closed_and_said_to_stay_reserved(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    ledger = RedisLedger(redis, "paper")
    ledger.commit(LedgerWrite(id="old", records=(LedgerRecord("intents", "old", "{}"),)))

    said = reconcile.close(redis, "paper", "old", "from a year ago", ManualClock(NOW_MS))

    assert "nobody can tell what it reserved" in said
    assert ledger.records("intents") == {}
