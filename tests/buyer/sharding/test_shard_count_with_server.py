"""A change of the number of shards loses no signal and decides none twice, and waits for those at work."""

import pytest
from redis import Redis

from buyer.domain.token_shard import ALL, TokenShard
from buyer.sharding.shard_leases import LAYOUT
from shared.clock import ManualClock, SystemClock
from shared.domain import ledger_accounts
from shared.domain.errors import Fenced, RefusedForSafety
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.process.stop_event import StopEvent
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from tests.buyer.consumer_rig import Rig
from tests.buyer.sharding.shard_rigs import a_layout, a_lease, a_rig, decided, ids, publish_all, signals

pytestmark = pytest.mark.server


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
    assert names == {TokenShard(number, new).group("paper") for number in range(new)}


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
