"""Streams: published once, read as a group, taken over, buried, never trimmed under a reader."""

import threading
from typing import Any

import pytest
from redis import Redis

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.service import ServiceHealth
from shared.redis import streams
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import StreamEntry, ensure_group, publish_event, publish_once, settled, trim_stream

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def an_event(number: int = 1) -> ServiceHealth:
    return ServiceHealth(id=str(number), emitted_at_ms=number, service="s", instance="i", ready=True)


def a_reader(redis: Redis, consumer: str = "buyer-0", **options: Any) -> GroupReader:
    return GroupReader(redis, SIGNALS, "buyer", consumer, clock=ManualClock(), block_ms=1, **options)


def test_a_fact_is_published_once_whoever_repeats_it(redis: Redis) -> None:
    first = publish_once(redis, SIGNALS, an_event(), fact="0xa:1", value="10")
    again = publish_once(redis, SIGNALS, an_event(), fact="0xa:1", value="10")

    assert first.state == "published"
    assert (again.state, again.value) == ("known", "10")
    assert redis.xlen(SIGNALS) == 1


def test_a_larger_total_is_published_only_by_who_knows_the_last_one(redis: Redis) -> None:
    publish_once(redis, SIGNALS, an_event(), fact="0xa:1", value="10")

    blind = publish_once(redis, SIGNALS, an_event(2), fact="0xa:1", value="15", expected="9")
    knowing = publish_once(redis, SIGNALS, an_event(2), fact="0xa:1", value="15", expected="10")

    assert (blind.state, blind.value) == ("known", "10")
    assert knowing.state == "published"


def test_s4_facts_are_bounded_oldest_first_and_none_repeats(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_FACTS", 10)
    for number in range(25):
        publish_once(redis, SIGNALS, an_event(number), fact=f"0xa:{number}", age=1000 + number)
    publish_once(redis, SIGNALS, an_event(99), fact="0xb:1", age=1)

    assert int(redis.hlen(f"{SIGNALS}:facts")) <= 10
    assert publish_once(redis, SIGNALS, an_event(3), fact="0xa:3", age=1003).state == "expired"
    assert publish_once(redis, SIGNALS, an_event(24), fact="0xa:24", age=1024).state == "known"
    assert publish_once(redis, SIGNALS, an_event(30), fact="0xa:30", age=1030).state == "published"
    assert publish_once(redis, SIGNALS, an_event(31), fact="0xc:1", age=5).state == "published"


def test_what_a_crash_left_pending_is_read_again_first(redis: Redis) -> None:
    reader = a_reader(redis)
    reader.read()
    publish_event(redis, SIGNALS, an_event(1))
    (taken,) = reader.read()
    publish_event(redis, SIGNALS, an_event(2))

    restarted = a_reader(redis)
    first, second = restarted.read(), restarted.read()

    assert [entry.id for entry in first] == [taken.id]
    assert len(second) == 1


def test_a_dead_consumers_entries_are_taken_over(redis: Redis) -> None:
    dead = a_reader(redis, "dead")
    dead.read()
    publish_event(redis, SIGNALS, an_event(1))
    dead.read()

    alive = a_reader(redis, "alive", idle_ms=0)
    alive.read()
    taken = alive.read()

    assert [read_event(entry.json).id for entry in taken] == ["1"]


def test_who_holds_the_lease_takes_all_that_others_left_at_once(redis: Redis) -> None:
    dead = a_reader(redis, "dead", batch=200)
    dead.read()
    for number in range(150):
        publish_event(redis, SIGNALS, an_event(number))
    dead.read()

    alive = a_reader(redis, "alive", sole=True)

    assert [read_event(entry.json).id for entry in alive.read()] == [str(number) for number in range(150)]
    assert alive.read() == []


def test_an_entry_that_was_trimmed_comes_back_empty_or_is_counted(redis: Redis) -> None:
    reader = a_reader(redis)
    reader.read()
    entry = publish_event(redis, SIGNALS, an_event(1))
    reader.read()
    redis.xdel(SIGNALS, entry)

    again = a_reader(redis)

    assert [(item.id, item.json) for item in again.read()] == [(entry, "")]


@pytest.mark.pitfall(31)
def test_an_emptied_server_is_noticed_and_the_group_made_again(redis: Redis) -> None:
    reader = a_reader(redis)
    reader.read()
    redis.flushall()

    assert reader.read() == []
    assert reader.emptied
    reader.read()
    publish_event(redis, SIGNALS, an_event(1))
    assert len(reader.read()) == 1


@pytest.mark.pitfall(31)
def test_a_server_away_is_waited_for_and_nothing_is_lost(redis_server: EmbeddedRedis) -> None:
    redis = connect_redis(redis_server.url)
    clock = ManualClock()
    reader = GroupReader(redis, SIGNALS, "buyer", "buyer-0", clock=clock, block_ms=1)
    publish_event(redis, SIGNALS, an_event(1))
    redis_server.kill()
    with pytest.raises(Unavailable):
        reader.read()
    redis_server.restart()

    stop = threading.Event()
    entry = next(iter(reader.entries(stop)))

    assert read_event(entry.json).id == "1"


def test_trimming_keeps_what_a_group_has_not_finished(redis: Redis) -> None:
    for number in range(10):
        publish_event(redis, SIGNALS, an_event(number))
    ensure_group(redis, SIGNALS, "buyer")
    assert trim_stream(redis, SIGNALS, 0) == 0

    rows = GroupReader(redis, SIGNALS, "buyer", "b", clock=ManualClock(), block_ms=1, batch=6)
    rows.read()
    taken = rows.read()
    for entry in taken[:4]:
        rows.ack(entry.id)

    assert trim_stream(redis, SIGNALS, 0) == 4
    assert redis.xlen(SIGNALS) == 6


def test_trimming_keeps_as_many_as_asked(redis: Redis) -> None:
    for number in range(10):
        publish_event(redis, SIGNALS, an_event(number))

    assert trim_stream(redis, SIGNALS, 3) == 7
    assert redis.xlen(SIGNALS) == 3


def test_an_entry_without_json_reads_as_empty() -> None:
    assert StreamEntry(SIGNALS, "1-0", {}).json == ""


def test_all_that_a_crash_left_pending_comes_back_at_the_start_however_much(redis: Redis) -> None:
    reader = a_reader(redis, batch=2)
    reader.read()
    for number in range(5):
        publish_event(redis, SIGNALS, an_event(number))
    for _ in range(3):
        reader.read()

    assert len(a_reader(redis, batch=2).read()) == 5


def test_a_group_with_a_part_of_the_stream_lets_go_of_the_rest_with_its_next_read(redis: Redis) -> None:
    entries = [publish_event(redis, SIGNALS, an_event(number)) for number in range(6)]
    ours = set(entries[::3])

    def mine(entry: StreamEntry) -> bool:
        return entry.id in ours

    reader = a_reader(redis, mine=mine)
    assert reader.read() == []

    taken = reader.read()

    assert [entry.id for entry in taken] == entries[::3]
    assert reader.read() == []
    assert redis.xpending(SIGNALS, "buyer")["pending"] == 2
    ours.discard(entries[3])
    again = a_reader(redis, mine=mine)
    assert [entry.id for entry in again.read()] == entries[:1]
    again.flush()
    assert redis.xpending(SIGNALS, "buyer")["pending"] == 1


def test_a_split_group_has_settled_as_far_as_its_slowest_part(redis: Redis) -> None:
    for number in range(3):
        redis.xadd(SIGNALS, {"json": "{}"}, id=f"5-{number}")
    for group in ("buyer", "buyer-1", "buyers"):
        ensure_group(redis, SIGNALS, group)
    assert settled(redis, SIGNALS, "buyer") == "0-0"

    redis.xreadgroup("buyer", "b", {SIGNALS: ">"}, noack=True)
    assert settled(redis, SIGNALS, "buyer") == "0-0"
    redis.xreadgroup("buyer-1", "b", {SIGNALS: ">"}, count=2, noack=True)
    assert settled(redis, SIGNALS, "buyer") == "5-1"
