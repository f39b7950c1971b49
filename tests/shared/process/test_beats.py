"""Dead is shown as dead: the last word of each process, its age by the server's clock, and who took its place."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from redis import Redis

from ops.supervisor.embedded_redis import free_port
from shared.clock import ManualClock, SystemClock
from shared.process import beats
from shared.process.beats import (
    BEATS,
    ProcessBeat,
    ProcessStanding,
    State,
    judge_standing,
    missing_processes,
    read_standings,
    shown,
    write_beats,
)
from shared.process.heartbeat import HeartbeatAnnouncer
from shared.redis.client import connect_redis
from tests.process.conftest import wait_until
from tests.started import started

pytestmark = pytest.mark.pitfall(62)


def a_beat(instance: str = "detector@a:1", **changes: Any) -> ProcessBeat:
    service, _, rest = instance.partition("@")
    given: dict[str, Any] = {"service": service, "host": rest.partition(":")[0], "every_s": 10.0, "up_s": 500.0}
    return ProcessBeat(instance, **{**given, **changes})


def alive(instance: str, up_s: float, age_s: float = 1) -> ProcessStanding:
    return judge_standing(a_beat(instance, up_s=up_s), age_s)


@pytest.mark.parametrize(
    ("age_s", "state"), [(0, "up"), (10, "up"), (24.9, "up"), (25.1, "dead"), (29.9, "dead"), (-1, "up"), (-60, "dead")]
)
def test_a_process_is_dead_before_its_third_heartbeat_is_missed(age_s: float, state: str) -> None:
    assert judge_standing(a_beat(), age_s).state == state


def test_who_said_that_it_ended_is_not_called_dead_however_long_ago() -> None:
    assert judge_standing(a_beat(state="stopped"), 10**6).state == "stopped"
    assert judge_standing(a_beat(state="failed"), 10**6).lost


def test_a_killed_process_is_replaced_by_one_that_began_later_on_its_machine() -> None:
    killed, heir = alive("detector@a:1", 500, age_s=60), alive("detector@a:2", up_s=30)

    assert shown([killed, heir]) == [heir]


def test_of_two_that_were_killed_one_stays_red_when_one_came_back() -> None:
    first, second = alive("detector@a:1", 500, age_s=60), alive("detector@a:2", 500, age_s=50)

    assert shown([first, second, alive("detector@a:3", up_s=30)])[0] is second


def test_one_that_ran_before_replaces_nobody() -> None:
    killed, other = alive("detector@a:1", 500, age_s=60), alive("detector@a:2", up_s=900)

    assert killed in shown([killed, other])


def test_a_new_container_replaces_the_one_that_was_killed_before_it() -> None:
    killed, heir = alive("detector@c0ffee:1", 500, age_s=60), alive("detector@deca:1", up_s=30)

    assert shown([killed, heir]) == [heir]


def test_a_restart_of_another_machine_does_not_hide_who_is_dead() -> None:
    dead = alive("detector@a:1", 500, age_s=60)
    stopped, again = judge_standing(a_beat("detector@b:1", state="stopped"), 40), alive("detector@b:2", up_s=30)

    assert shown([dead, stopped, again]) == [dead, again]


@pytest.mark.parametrize(("state", "hours"), [("stopped", 2), ("failed", 2), ("up", 25)])
def test_who_ended_long_ago_is_not_shown_beside_those_that_work(state: State, hours: int) -> None:
    ended = judge_standing(a_beat("buyer@a:1", state=state), hours * 3600)
    working = alive("buyer@a:2", up_s=30 * 3600)

    assert shown([ended, working]) == [working]
    assert shown([ended]) == ([] if state == "stopped" else [ended])


def test_a_process_misses_those_it_has_nothing_to_do_without() -> None:
    dead, other = alive("detector@a:1", 500, age_s=31), alive("detector@b:1", up_s=500)

    assert missing_processes("buyer", [dead]) == ["detector@a:1 dead, last heard 31 s ago"]
    assert missing_processes("buyer", [dead, other]) == [], "the other one has its leaders"
    assert missing_processes("detector", [dead]) == []
    assert missing_processes("buyer", [judge_standing(a_beat(state="stopped"), 5)]) == [], "somebody wanted that"


@pytest.mark.server
def test_what_nobody_can_read_says_nothing(redis: Redis) -> None:
    write_beats(redis, [a_beat("buyer@a:1")])
    for name, text in {
        "a": "x",
        "b": "5 []",
        "c": '5 {"every_s":"x","service":"s"}',
        "d": ' {"service":"s"}',
        "e": "5 {}",
    }.items():
        redis.hset(BEATS, name, text)

    assert [one.beat.instance for one in read_standings(redis)] == ["buyer@a:1"]


@pytest.mark.server
def test_ages_are_the_servers_whatever_our_clock_says(redis: Redis) -> None:
    announcer = HeartbeatAnnouncer(redis, ManualClock(5), "buyer", "buyer@a:1", every_s=10)
    announcer.start("paper", "1", {})
    announcer.health({}, ready=False, parts={"detector": "hangs"})
    announcer.close(5)

    found = {one.service: one for one in read_standings(redis)}
    assert (found["buyer"].state, found["buyer"].beat.mode, found["detector"].state) == ("not ready", "paper", "hangs")
    assert all(0 <= one.age_s < 60 for one in found.values())


@pytest.mark.server
def test_what_died_long_ago_is_forgotten_by_the_next_start(redis: Redis) -> None:
    redis.hset(BEATS, "detector@old:1", '5 {"service":"detector"}')
    write_beats(redis, [a_beat("detector@a:1")])

    beats.forget_beats(redis)

    assert redis.hkeys(BEATS) == ["detector@a:1"]


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


@pytest.mark.server
@pytest.mark.process
@pytest.mark.parametrize("signal", ["kill", "terminate"])
def test_a_killed_detector_is_red_within_three_heartbeats_and_a_stopped_one_is_not(
    redis: Redis, valkey_url: str, signal: str
) -> None:
    every_s, clock, port = 0.8, SystemClock(), free_port()
    given = {"REDIS_URL": valkey_url, "HEARTBEAT_S": str(every_s), "LOG_LEVEL": "error"}
    module, buyer_port = "tests.shared.process.beating_service", {"HEALTH_PORT": str(port)}
    with started(module, "detector", **given) as detector, started(module, "buyer", **given, **buyer_port):
        wait_until(lambda: _states(redis).get("detector") == "up" and _asked(port)[0] == 200)

        getattr(detector, signal)()
        detector.wait(10)
        died = clock.monotonic()
        ended = {"kill": "dead", "terminate": "stopped"}[signal]
        wait_until(lambda: _states(redis).get("detector") == ended)
        seen_s = clock.monotonic() - died
        status, body = _asked(port)

    assert seen_s < 3 * every_s + 0.5
    assert (status, "detector@" in str(body.get("missing"))) == ((503, True) if signal == "kill" else (200, False))
    assert body["ready"] == (signal == "terminate")


def _states(redis: Redis) -> dict[str, str]:
    return {one.service: one.state for one in read_standings(redis)}


def _asked(port: int) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
    except OSError:
        return 0, {}
