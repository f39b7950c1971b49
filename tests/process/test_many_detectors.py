"""Several detectors on one Redis: who dies is replaced within seconds, who is followed is watched within seconds."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ops.demo.demo import DemoWorld, read_all, settle
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.messages.base import SIGNALS
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from tests.process.conftest import CLOCK, Programs, end_within_15_s, wait_until
from tests.running.warm_process import run_warm
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

TTL_S = 4.0


@pytest.fixture
def crowd() -> Iterator[DemoWorld]:
    """Give a venue of 12 leaders."""
    with simulator(CLOCK, "--leaders", "12", "--speed", "4", "--fills-per-minute", "60", "--seed", "11") as world:
        yield world


@pytest.fixture
def starter(crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Programs]:
    env = {**crowd.environment, "REDIS_URL": redis_server.url, "MEMBER_TTL_S": str(TTL_S), "POLL_EVERY_S": "0.5"}
    programs = Programs(env, tmp_path)
    yield programs
    programs.end()


def shares(programs: Programs, process: "subprocess.Popen[str]") -> list[str]:
    """Return whom a detector said it watches, in its last report."""
    reports = [json.loads(line) for line in programs.out(process) if '"HYBRID_PROGRESS"' in line]
    return reports[-1]["leaders"] if reports else []


def events_of(programs: Programs, process: "subprocess.Popen[str]", kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in programs.out(process) if f'"{kind}"' in line]


@pytest.mark.takes(40)
def test_who_is_killed_is_replaced_within_seconds_and_nothing_is_missed_or_doubled(
    crowd: DemoWorld, starter: Programs, redis_server: EmbeddedRedis, tmp_path: Path, record_property: Any
) -> None:
    """They have one name, on machines of one name: that keeps neither from its share (pitfall 52)."""
    one, two = (starter.start("detector", INSTANCE="twin", RUN_DIR=str(tmp_path / place)) for place in ("a", "b"))
    everyone = set(crowd.leaders)

    def split() -> bool:
        first, second = set(shares(starter, one)), set(shares(starter, two))
        return bool(first and second) and first | second == everyone and not first & second

    wait_until(split)
    orphans = set(shares(starter, one))
    known = {signal.id for signal in read_all(connect_redis(redis_server.url), SIGNALS, ActionableSignal)}

    one.kill()
    died_at = CLOCK.monotonic()
    redis = connect_redis(redis_server.url, blocking_s=1)
    wait_until(lambda: signalled_since(redis, known, orphans))
    took_s = CLOCK.monotonic() - died_at
    wait_until(lambda: set(shares(starter, two)) == everyone)
    crowd.freeze()
    verdict = settle(crowd, redis, CLOCK, PATIENCE_S, decide=False)

    record_property("take_over_s", round(took_s, 2))
    print(f"take-over: a signal of a dead detector's leader after {took_s:.2f} s")  # noqa: T201 - a figure for the log
    assert verdict.fills > 0
    assert verdict.clean, verdict
    assert end_within_15_s(two) == 0


def signalled_since(redis: Redis, known: set[str], leaders: set[str]) -> bool:
    """Say whether a leader of the dead detector was signalled by the living one."""
    return any(
        signal.leader in leaders and signal.id not in known for signal in read_all(redis, SIGNALS, ActionableSignal)
    )


def test_follow_and_unfollow_count_within_seconds_without_a_restart(
    crowd: DemoWorld, starter: Programs, redis_server: EmbeddedRedis
) -> None:
    first, newcomer = crowd.leaders[0], crowd.leaders[1]
    detector = starter.start("detector", TRACKED_WALLETS=first)
    wait_until(lambda: shares(starter, detector) == [first])

    said = hybrid(starter, "follow", newcomer, "--label", "whale", "--redis-url", redis_server.url)
    assert "is followed" in said
    wait_until(lambda: set(shares(starter, detector)) == {first, newcomer})
    wait_until(lambda: any(e["leader"] == newcomer for e in events_of(starter, detector, "ACTIONABLE_SIGNAL")))
    shown = hybrid(starter, "leaders", "--redis-url", redis_server.url)
    hybrid(starter, "unfollow", newcomer, "--redis-url", redis_server.url)

    wait_until(lambda: shares(starter, detector) == [first])
    assert newcomer in shown
    assert "whale" in shown
    assert end_within_15_s(detector) == 0


def test_a_leader_of_the_environment_stays_unfollowed_over_a_clean_stop(
    crowd: DemoWorld, starter: Programs, redis_server: EmbeddedRedis
) -> None:
    taken, kept, url = crowd.leaders[0], crowd.leaders[1], ("--redis-url", redis_server.url)
    both = f"{taken},{kept}"
    detector = starter.start("detector", TRACKED_WALLETS=both)
    wait_until(lambda: set(shares(starter, detector)) == {taken, kept})

    hybrid(starter, "unfollow", taken, *url)
    wait_until(lambda: shares(starter, detector) == [kept])
    assert end_within_15_s(detector) == 0
    stopped = hybrid(starter, "leaders", *url)
    again = starter.start("detector", TRACKED_WALLETS=both)
    wait_until(lambda: shares(starter, again) == [kept])
    hybrid(starter, "follow", taken, "--offline", *url)
    wait_until(lambda: set(shares(starter, again)) == {taken, kept})

    assert "not followed: hybrid unfollow" in stopped
    assert "not watched" in stopped
    assert end_within_15_s(again) == 0


def hybrid(programs: Programs, *words: str) -> str:
    done = run_warm("ops.cli", *words, env=programs.env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
