"""Several shards on a real server: each signal decided once, by the shard that owns its token."""

import pytest
from redis import Redis

from shared.clock import SystemClock
from shared.domain.errors import Fenced, OutcomeUnknown
from shared.domain.record_kinds import INTENTS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DEAD, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.process.stop_event import StopEvent
from shared.redis.streams import trim_stream
from tests.buyer.sharding.shard_rigs import OF, SHARDS, a_layout, a_rig, decided, ids, of_shard, publish_all, signals

pytestmark = pytest.mark.server


def test_each_signal_is_decided_by_its_shard_and_acknowledged_by_all(valkey_url: str, redis: Redis) -> None:
    publish_all(redis, signals(40))
    rigs = [a_rig(valkey_url, shard) for shard in SHARDS]

    for rig in rigs:
        rig.run_until(rig.settled)

    assert decided(rigs[0]) == ids(signals(40))
    assert all(rig.shard.owns(order.token_id) for rig in rigs for order in rig.venue.placed)
    assert all(rig.service.counter.counts for rig in rigs)


def test_what_a_shard_has_not_read_yet_is_not_trimmed(valkey_url: str, redis: Redis) -> None:
    a_layout(redis, OF).ensure()
    publish_all(redis, signals(10))
    first = a_rig(valkey_url, SHARDS[0])
    first.run_until(first.settled)

    assert trim_stream(redis, SIGNALS, 0) == 0


@pytest.mark.pitfall(31)
def test_a_poison_entry_is_buried_by_one_shard_and_let_go_by_the_others(valkey_url: str, redis: Redis) -> None:
    redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": "{"})
    rigs = [a_rig(valkey_url, shard) for shard in SHARDS]

    for rig in rigs:
        rig.run_until(rig.settled)

    assert redis.xlen(DEAD) == 1
    assert len(rigs[0].decisions()) == 1


def test_a_shard_finishes_its_own_open_intents_only(valkey_url: str, redis: Redis) -> None:
    before = [a_rig(valkey_url, shard) for shard in SHARDS]
    for rig in before:
        rig.lease.try_acquire()
        rig.journal.deposit(1_000_000_000)
        rig.venue.unknown = 1
        with pytest.raises(OutcomeUnknown):
            rig.engine.process_actionable(of_shard(rig.shard, 1)[0])

    after = a_rig(valkey_url, SHARDS[1])
    after.run_until(lambda: bool(after.decisions()) or bool(redis.xlen("hs:decisions") > OF))

    assert after.venue.placed == before[1].venue.placed
    assert len(RedisLedger(redis, "paper").records(INTENTS)) == OF - 1


@pytest.mark.pitfall(21)
def test_a_buyer_that_wakes_up_after_its_shard_moved_places_nothing_there(valkey_url: str) -> None:
    slept, other = a_rig(valkey_url, SHARDS[0]), a_rig(valkey_url, SHARDS[1])
    for rig in (slept, other):
        rig.lease._ttl_s = 0.001
        rig.lease.try_acquire()
        rig.journal.deposit(1_000_000_000)
    SystemClock().wait(StopEvent(SystemClock()), 0.01)
    assert a_rig(valkey_url, SHARDS[0], consumer="buyer-1").lease.try_acquire() == ""

    with pytest.raises(Fenced):
        slept.engine.process_actionable(of_shard(SHARDS[0], 1)[0])
    other.engine.process_actionable(of_shard(SHARDS[1], 1)[0])

    assert (slept.venue.placed, len(other.venue.placed)) == ([], 1)
    assert decided(other) == ids(of_shard(SHARDS[1], 1))


def test_a_lease_that_is_not_held_lets_no_write_through(valkey_url: str) -> None:
    rig = a_rig(valkey_url, SHARDS[0])
    rig.lease.try_acquire()
    rig.journal.deposit(1)
    rig.lease.release()

    with pytest.raises(Fenced):
        rig.engine.process_actionable(of_shard(SHARDS[0], 1)[0])

    assert not any(isinstance(event, BuyEngineDecision) for event in rig.events("hs:decisions"))
