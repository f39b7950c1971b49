"""Paper and live run side by side on one server: groups, leases, queues and names of their own (pitfall 51)."""

from pathlib import Path

import pytest
from redis import Redis

from buyer.composition import only_one
from buyer.config import parse_args
from buyer.domain.token_shard import ALL, GROUP, LIVE_GROUP, TokenShard
from buyer.sharding.shard_count import ShardCount
from redeemer.composition import queue_name
from redeemer.config import parse_args as redeemer_args
from shared.clock import ManualClock
from shared.messages.base import SIGNALS
from shared.redis import streams
from shared.redis.client import LuaScript
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import trim_stream
from tests.buyer.sharding.shard_rigs import a_rig, decided, ids, publish_all, signals

pytestmark = [pytest.mark.server, pytest.mark.pitfall(51)]

WEEK_MS = 604_800_000
TRIM = Path(streams.__file__).with_name("trim.lua")


def a_count(redis: Redis, shards: int, mode: str) -> ShardCount:
    return ShardCount(redis, shards, clock=ManualClock(), patience_s=1, halt=lambda _: None, mode=mode)


def groups(redis: Redis) -> dict[str, str]:
    return {str(group["name"]): str(group["last-delivered-id"]) for group in redis.xinfo_groups(SIGNALS)}


def live_reader(redis: Redis) -> GroupReader:
    return GroupReader(redis, SIGNALS, LIVE_GROUP, "a", clock=ManualClock(), block_ms=1, heir_of=GROUP)


def test_each_decides_on_every_signal_once(valkey_url: str, redis: Redis) -> None:
    publish_all(redis, signals(6))
    paper, live = (a_rig(valkey_url, ALL, mode=mode) for mode in ("paper", "live"))

    for rig in (paper, live):
        rig.run_until(rig.settled)

    assert paper.service.counter.counts == live.service.counter.counts
    assert decided(paper) == sorted([*ids(signals(6)), *ids(signals(6))])


def test_a_live_group_that_is_new_begins_where_the_shared_one_was_done(redis: Redis) -> None:
    """Before, live read by paper's group: what that had acknowledged was decided, the rest was not."""
    entries = [str(redis.xadd(SIGNALS, {"json": "{}"}, id=f"5-{number}")) for number in range(1, 4)]
    redis.xgroup_create(SIGNALS, GROUP, id="0")
    redis.xreadgroup(GROUP, "buyer-0", {SIGNALS: ">"})
    redis.xack(SIGNALS, GROUP, entries[0])

    reader = live_reader(redis)
    read = [entry.id for _ in range(2) for entry in reader.read()]

    assert read == entries[1:]
    assert redis.xpending(SIGNALS, GROUP)["pending"] == 2


def test_a_live_group_of_its_own_is_never_moved_again(redis: Redis) -> None:
    redis.xadd(SIGNALS, {"json": "{}"}, id="5-1")
    redis.xgroup_create(SIGNALS, GROUP, id="5-1")
    redis.xgroup_create(SIGNALS, LIVE_GROUP, id="0")

    reader = live_reader(redis)

    assert [entry.id for _ in range(2) for entry in reader.read()] == ["5-1"]


def test_live_shards_that_are_new_begin_where_the_shared_groups_were_done(redis: Redis) -> None:
    a_count(redis, 2, "paper").ensure()
    entries = [str(redis.xadd(SIGNALS, {"json": "{}"}, id=f"5-{number}")) for number in range(1, 4)]
    for group in (GROUP, f"{GROUP}-1"):
        redis.xreadgroup(group, "a", {SIGNALS: ">"})
        redis.xack(SIGNALS, group, *entries[:2])

    assert a_count(redis, 2, "live").ensure() == ""

    assert groups(redis) == {GROUP: "5-3", f"{GROUP}-1": "5-3", LIVE_GROUP: "5-2", f"{LIVE_GROUP}-1": "5-2"}


def test_another_number_of_shards_moves_the_groups_of_both(redis: Redis) -> None:
    for mode in ("paper", "live"):
        a_count(redis, 2, mode).ensure()

    assert a_count(redis, 3, "live").ensure() == ""

    shards = [TokenShard(number, 3) for number in range(3)]
    assert groups(redis).keys() == {shard.group(mode) for shard in shards for mode in ("paper", "live")}


def test_a_group_whose_readers_left_for_a_week_keeps_no_stream_from_being_trimmed(redis: Redis) -> None:
    for number in range(1, 200):
        redis.xadd(SIGNALS, {"json": "{}"}, id=f"5-{number}")
    redis.xgroup_create(SIGNALS, GROUP, id="5-199")
    redis.xgroup_create(SIGNALS, LIVE_GROUP, id="0")
    redis.xreadgroup(LIVE_GROUP, "gone", {SIGNALS: ">"}, count=1)
    a_week_later = LuaScript(redis, TRIM.read_text().replace(str(WEEK_MS), "0"))

    assert trim_stream(redis, SIGNALS, 100) == 0
    assert a_week_later([SIGNALS], [100]) == 99


def test_one_machine_runs_one_buyer_of_each_mode(tmp_path: Path) -> None:
    words = ["--run-dir", str(tmp_path)]
    paper, live = parse_args(words), parse_args([*words, "--live", "--no-dry-run"])

    with only_one(paper) as first, only_one(live) as second:
        assert first != second


def test_jobs_of_live_go_through_a_queue_that_no_paper_worker_reads() -> None:
    assert queue_name(redeemer_args([])) == "redeem"
    assert queue_name(redeemer_args(["--live", "--no-dry-run"])) == "redeem-live"
