"""What `hybrid status` says of a real server: who is dead, whose money it is, and nothing that is not so."""

import json
from typing import Any

import pytest
from msgspec.structs import replace
from redis import Redis
from typer.testing import CliRunner

from ops.cli import app
from shared.clock import SystemClock
from shared.messages.base import DECISIONS, SERVICE, SIGNALS
from shared.messages.service import HybridProgress, ServiceStart, SourceStatus
from shared.process.beats import BEATS, ProcessBeat, server_ms, write_beats
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.pipeline_record import note_start
from shared.redis.streams import publish_event
from tests.ops.domain.test_live_view import a_skip

pytestmark = [pytest.mark.server, pytest.mark.pitfall(62)]


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def a_progress() -> HybridProgress:
    counts: dict[str, Any] = {"signals": 1, "sightings": 1, "repeats": 0}
    source = SourceStatus(name="chain_logs", state="ok")
    given: dict[str, Any] = {"detector": "detector@a:1", "runtime_ms": 1, "leaders": (), "sources": (source,)}
    return HybridProgress(id="p", emitted_at_ms=1, **counts, **given)


def announced(redis: Redis, mode: str) -> None:
    """Leave the word of a buyer that once began here, as every program does."""
    note_start(redis, "buyer", mode, "buyer@old:1", 1)


def died(redis: Redis, beat: ProcessBeat, ago_s: float) -> None:
    """Leave a beat as a process does that was killed."""
    write_beats(redis, [beat])
    text = str(redis.hget(BEATS, beat.instance)).partition(" ")[2]
    redis.hset(BEATS, beat.instance, f"{server_ms(redis) - round(ago_s * 1000)} {text}")


def facts(url: str, *words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["status", "--once", "--json", "--redis-url", url, *words])
    return json.loads(result.output)


def first_line(url: str, *words: str) -> str:
    return CliRunner().invoke(app, ["status", "--once", "--redis-url", url, *words]).output.splitlines()[0]


def test_a_killed_detector_is_dead_in_the_json_and_on_the_screen_whatever_its_last_event_said(
    redis: Redis, valkey_url: str
) -> None:
    publish_event(redis, SIGNALS, a_progress())
    publish_event(redis, SERVICE, ServiceStart(id="s", emitted_at_ms=1, service="detector", instance="detector@a:1"))
    died(redis, ProcessBeat("detector@a:1", "detector", "a"), ago_s=26)
    write_beats(redis, [ProcessBeat("buyer@a:2", "buyer", "a", "paper")])

    told = facts(valkey_url)

    assert told["services"] == {"buyer": "up", "detector": "dead for 26 s"}
    assert told["lost"] == ["detector@a:1 dead, last heard 26 s ago"]
    assert [source["state"] for source in told["sources"]] == ["dead"]
    assert {one["service"]: one["state"] for one in told["processes"]} == {"buyer": "up", "detector": "dead"}
    assert first_line(valkey_url).startswith("DEAD: detector for 26 s")


def test_the_mode_is_that_of_the_buyer_that_runs_not_of_the_last_decision(redis: Redis, valkey_url: str) -> None:
    announced(redis, "live")
    publish_event(redis, DECISIONS, replace(a_skip(), mode="live"))
    publish_event(
        redis, SERVICE, ServiceStart(id="s", emitted_at_ms=1, service="buyer", instance="buyer@old:1", mode="live")
    )
    write_beats(redis, [ProcessBeat("buyer@a:2", "buyer", "a", "paper")])
    Lease(redis, "buyer:paper", "buyer-0@a", clock=SystemClock()).try_acquire()

    told = facts(valkey_url)

    assert (told["mode"], told["running"], told["shards"]) == ("paper", ["paper"], {"0/1": "buyer-0@a"})
    assert first_line(valkey_url).startswith("PAPER")
    assert first_line(valkey_url, "--mode", "live").startswith("ledger of LIVE; no buyer spends it now, only PAPER")


def test_a_killed_buyer_decides_no_more(redis: Redis, valkey_url: str) -> None:
    announced(redis, "live")
    lease = Lease(redis, "buyer:live", "buyer-0@a", clock=SystemClock())
    lease.try_acquire()
    redis.hset(lease.key, mapping={"until_ms": "5", "renewed_ms": str(server_ms(redis) - 12_000)})
    died(redis, ProcessBeat("buyer@a:2", "buyer", "a", "live"), ago_s=26)
    write_beats(redis, [ProcessBeat("detector@a:1", "detector", "a")])

    told = facts(valkey_url)

    assert (told["mode"], told["running"], told["shards"]) == ("live", [], {"0/1": ""})
    assert round(told["shard_ages_s"]["0/1"]) == 12
    assert first_line(valkey_url).startswith("DEAD: buyer for 26 s")
