"""Several shards on a real server: each signal decided once, whoever holds what, whatever is lost, however many."""

import json
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest
from redis import Redis

from buyer.domain.token_shard import ALL, TokenShard
from buyer.sharding.shard_count import EMPTIED, ShardCount
from buyer.sharding.shard_leases import LAYOUT
from shared.clock import Clock, ManualClock, SystemClock
from shared.domain import ledger_accounts
from shared.domain.errors import Emptied, Fenced, HybridError, OutcomeUnknown, RefusedForSafety
from shared.domain.market import Book, MarketFacts
from shared.domain.record_kinds import INTENTS
from shared.domain.trading_controls import turn_control
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DEAD, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal
from shared.process.stop_event import StopEvent
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import publish_event, trim_stream
from tests.buyer.builders import a_book, a_market, a_signal
from tests.buyer.test_consumer import Feed, Rig, a_hash

pytestmark = pytest.mark.server

OF = 3
SHARDS = [TokenShard(number, OF) for number in range(OF)]
NOBODY_WAITS_S = 5.0


class AnyToken(Feed):
    """The same market and book for whatever token is asked for."""

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        return a_market(token_id=token_id), ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        return a_book(token_id=token_id), ""


def a_rig(url: str, shard: TokenShard, **options: Any) -> Rig:
    return Rig(url, shard=shard, prices=AnyToken(), **options)


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def a_layout(redis: Redis, shards: int, clock: Clock | None = None) -> ShardCount:
    ledger = RedisLedger(redis, "paper")

    def halt(why: str) -> None:
        ledger.commit(turn_control("halt:test", on=True, who="buyer", why=why, now_ms=1))

    return ShardCount(redis, shards, clock=clock or ManualClock(), patience_s=NOBODY_WAITS_S, halt=halt)


def signals(count: int, first: int = 0) -> list[ActionableSignal]:
    return [a_signal(tx_hash=a_hash(number), token_id=str(number % 23)) for number in range(first, first + count)]


def publish_all(redis: Redis, found: list[ActionableSignal]) -> None:
    for signal in found:
        publish_event(redis, SIGNALS, signal)


def of_shard(shard: TokenShard, count: int) -> list[ActionableSignal]:
    return [signal for signal in signals(count * 20) if shard.owns(signal.token_id)][:count]


def decided(rig: Rig) -> list[str]:
    return sorted(decision.signal_id for decision in rig.decisions())


def ids(found: list[ActionableSignal]) -> list[str]:
    return sorted({signal.id for signal in found})


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


def held_by_one(valkey_url: str, shards: list[TokenShard]) -> list[Rig]:
    """Let a shard each decide until all of them are done with the stream."""
    rigs = [a_rig(valkey_url, shard) for shard in shards]
    for rig in rigs:
        rig.run_until(rig.settled)
        rig.lease.release()
    return rigs


@pytest.mark.parametrize(("old", "new"), [(1, 4), (4, 1), (4, 2), (2, 3)])
def test_a_change_of_the_number_loses_no_signal_and_decides_none_twice(
    valkey_url: str, redis: Redis, old: int, new: int
) -> None:
    """One old shard had read a part and acknowledged less; another had decided all; the rest had not even begun."""
    a_layout(redis, old).ensure()
    publish_all(redis, signals(30))
    held_by_one(valkey_url, [TokenShard(0, old)])
    slow = a_rig(valkey_url, TokenShard(old - 1, old))
    slow.lease.try_acquire()
    slow.reader.read()
    slow.lease.release()
    publish_all(redis, signals(10, 30))

    assert a_layout(redis, new).ensure() == ""
    rigs = held_by_one(valkey_url, [TokenShard(number, new) for number in range(new)])

    assert decided(rigs[0]) == ids(signals(40))
    names = {group["name"] for group in redis.xinfo_groups(SIGNALS)}
    assert names == {TokenShard(number, new).group for number in range(new)}


def test_the_new_groups_begin_before_what_the_slowest_has_not_acknowledged(redis: Redis) -> None:
    a_layout(redis, 2).ensure()
    entries = [str(redis.xadd(SIGNALS, {"json": "{}"}, id=f"5-{number}")) for number in range(3)]
    for group in ("buyer", "buyer-1"):
        redis.xreadgroup(group, "a", {SIGNALS: ">"})
    redis.xack(SIGNALS, "buyer", *entries)
    redis.xack(SIGNALS, "buyer-1", entries[1])

    a_layout(redis, 3).ensure()

    assert {str(group["last-delivered-id"]) for group in redis.xinfo_groups(SIGNALS)} == {f"4-{2**64 - 1}"}
    reader = GroupReader(redis, SIGNALS, "buyer-2", "a", clock=ManualClock(), block_ms=1)
    assert [reader.read(), [entry.id for entry in reader.read()]] == [[], entries]


def a_lease(redis: Redis, layout: ShardCount, shard: TokenShard, ttl_s: float = 20) -> Lease:
    clock = ManualClock()
    return Lease(redis, shard.lease("paper"), "buyer-0", clock=clock, ttl_s=ttl_s, only_while=layout.condition)


def test_another_number_is_refused_while_somebody_works_under_this_one(redis: Redis) -> None:
    stands = a_layout(redis, 2)
    assert stands.ensure() == ""
    lease = a_lease(redis, stands, TokenShard(1, 2))
    assert lease.try_acquire() == ""
    clock = ManualClock()

    with pytest.raises(RefusedForSafety, match=r"BUYER_SHARDS=4: buyer-0 \(on .*:1/2\) works under another number"):
        a_layout(redis, 4, clock).claim(StopEvent(clock))

    assert redis.get(LAYOUT) == "2"
    lease.release()
    assert a_layout(redis, 4).claim(StopEvent(clock))


@pytest.mark.pitfall(21)
def test_who_sleeps_through_a_change_of_the_number_is_fenced_off(redis: Redis) -> None:
    before = a_layout(redis, 1)
    before.ensure()
    slept = a_lease(redis, before, ALL, ttl_s=0.001)
    slept.try_acquire()
    SystemClock().wait(StopEvent(SystemClock()), 0.01)

    assert a_layout(redis, 2).ensure() == ""

    slept._renew_at = 0
    with pytest.raises(Fenced, match="BUYER_SHARDS=2"):
        slept.renew()
    assert slept.try_acquire() == f"{LAYOUT}=2"
    with pytest.raises(Fenced, match="BUYER_SHARDS=2 took over from 1"):
        before.restore()
    assert RedisLedger(redis, "paper").read((ledger_accounts.HALT,)).values[ledger_accounts.HALT] == 0


def test_a_server_from_before_shards_counts_as_one(redis: Redis) -> None:
    redis.xgroup_create(SIGNALS, "buyer", id="0", mkstream=True)
    old = Lease(redis, "buyer:live", "buyer-0", clock=ManualClock())
    old.try_acquire()

    assert "buyer-0 (on hs:lease:buyer:live)" in a_layout(redis, 2).ensure()
    assert a_layout(redis, 1).ensure() == ""


def stops_buying(redis: Redis) -> Callable[[], bool]:
    return lambda: bool(RedisLedger(redis, "paper").read((ledger_accounts.HALT,)).values[ledger_accounts.HALT])


@pytest.mark.pitfall(31)
def test_an_emptied_server_halts_whichever_shard_notices_first(valkey_url: str, redis: Redis) -> None:
    layout = a_layout(redis, OF)
    layout.ensure()
    rigs = [a_rig(valkey_url, shard, layout=layout) for shard in SHARDS]
    for rig in rigs:
        rig.run_until(rig.service.ready)
    redis.flushall()
    publish_all(redis, signals(20))

    rigs[1].run_until(stops_buying(redis))
    for rig in rigs:
        rig.run_until(rig.settled)

    assert {decision.reason for decision in rigs[0].decisions()} == {"kill_switch"}
    assert decided(rigs[0]) == ids(signals(20))
    assert json.loads(RedisLedger(redis, "paper").records("controls")["kill_switch"])["why"] == EMPTIED


class Ended:
    """A settlement that has ended, with its reason."""

    def __init__(self, failure: HybridError) -> None:
        self.failure: HybridError | None = failure

    def run(self, stop: threading.Event) -> None:
        del stop

    def snapshot(self) -> dict[str, int]:
        return {}


@pytest.mark.pitfall(31)
def test_a_settlement_that_met_an_emptied_server_stops_buying_and_starts_again(valkey_url: str, redis: Redis) -> None:
    rig = a_rig(valkey_url, SHARDS[0])
    rig.service._settlement = cast("Any", Ended(Emptied("our lease is gone")))

    with pytest.raises(Fenced, match="orders are not followed any more: our lease is gone"):
        rig.run_until(lambda: False)

    assert stops_buying(redis)()


@pytest.mark.pitfall(31)
def test_nobody_takes_a_shard_of_an_emptied_server_before_buying_is_stopped(redis: Redis) -> None:
    layout = a_layout(redis, 2)
    layout.ensure()
    redis.flushall()

    assert a_lease(redis, layout, TokenShard(0, 2)).try_acquire() == f"{LAYOUT}="
    assert layout.restore()
    assert stops_buying(redis)()
    assert a_lease(redis, layout, TokenShard(0, 2)).try_acquire() == ""


def test_a_lease_that_is_not_held_lets_no_write_through(valkey_url: str) -> None:
    rig = a_rig(valkey_url, SHARDS[0])
    rig.lease.try_acquire()
    rig.journal.deposit(1)
    rig.lease.release()

    with pytest.raises(Fenced):
        rig.engine.process_actionable(of_shard(SHARDS[0], 1)[0])

    assert not any(isinstance(event, BuyEngineDecision) for event in rig.events("hs:decisions"))
