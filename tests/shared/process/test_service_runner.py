"""A process starts, beats, stops in time and says why it ended."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from shared.clock import SystemClock
from shared.config import Settings
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, DependencyMissing, HybridError, RefusedForSafety, Unavailable
from shared.messages.base import SERVICE, Event
from shared.messages.events import read_event
from shared.messages.service import ServiceHealth, ServiceStart, ServiceStop
from shared.messages.value_codec import write_value
from shared.process import service_runner
from shared.process.instance_lock import instance_lock
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail

pytestmark = pytest.mark.slow


class Tiny:
    """A service that does what the test says."""

    name = "tiny"

    def __init__(self, work: Callable[[threading.Event], object] = threading.Event.wait) -> None:
        self._work = work

    def run(self, stop: threading.Event) -> None:
        self._work(stop)

    def ready(self) -> bool:
        return True

    def snapshot(self) -> dict[str, Any]:
        return {"signals": 7, "private_key": "hunter2"}


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, _cli_parse_args=[], **{"log_level": "error", "heartbeat_s": 0.05, **given})  # pyright: ignore[reportCallIssue]


def raising(error: Exception) -> Callable[[threading.Event], object]:
    def work(_stop: threading.Event) -> None:
        raise error

    return work


def run(work: Callable[[threading.Event], object], **given: Any) -> int:
    return service_runner.run(Tiny(work), settings(**given), redis=None, clock=SystemClock(), drain_s=0.2)


def test_a_service_whose_work_is_done_ends_clean() -> None:
    assert run(lambda _stop: None) == exit_codes.CLEAN


def test_the_run_time_ends_a_service_clean() -> None:
    assert run(threading.Event.wait, runtime_seconds=0.05) == exit_codes.CLEAN


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("boom"), exit_codes.CRASH),
        (Unavailable("upstream away"), exit_codes.CRASH),
        (BadConfig("X=1: no"), exit_codes.BAD_CONFIG),
        (DependencyMissing("no node"), exit_codes.DEPENDENCY_MISSING),
        (RefusedForSafety("two buyers"), exit_codes.REFUSED_FOR_SAFETY),
    ],
)
def test_what_ends_the_service_sets_the_exit_code_and_one_plain_line(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raising(error)) == code

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tiny: ")]
    assert len(said) == 1
    assert str(error) in said[0]


def test_only_a_crash_leaves_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    run(raising(BadConfig("X=1: no")))
    assert "Traceback" not in capsys.readouterr().err

    run(raising(ValueError("boom")))
    assert "Traceback" in capsys.readouterr().err


def test_an_exception_in_a_worker_thread_ends_the_process_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    """Pitfall 29: never silently."""

    def work(stop: threading.Event) -> None:
        threading.Thread(target=raising(ValueError("lost")), args=(stop,), name="poller").start()
        stop.wait()

    assert run(work) == exit_codes.CRASH
    assert "tiny: crashed: ValueError: lost" in capsys.readouterr().err


@pytest.mark.slow
def test_a_thread_that_does_not_end_is_named_and_left(capsys: pytest.CaptureFixture[str]) -> None:
    release = threading.Event()

    code = run(lambda _stop: release.wait(30), runtime_seconds=0.05)
    release.set()

    assert code == exit_codes.CRASH
    assert "did not end in time: tiny" in capsys.readouterr().err


def test_a_failing_snapshot_does_not_end_the_service() -> None:
    tiny = Tiny()
    tiny.snapshot = raising(ValueError("no numbers"))  # type: ignore[method-assign,assignment]  # the failure under test
    told: list[Event] = []

    code = service_runner.run(tiny, settings(runtime_seconds=0.1), redis=None, clock=SystemClock(), emit=told.append)

    assert code == exit_codes.CLEAN
    assert isinstance(told[-1], ServiceStop)


def test_start_and_stop_frame_the_run_without_secrets() -> None:
    told: list[Event] = []
    given = settings(runtime_seconds=0.02, metrics_token="hunter2", redis_url="redis://:hunter2@h:1/0")

    service_runner.run(Tiny(), given, redis=None, clock=SystemClock(), mode="paper", emit=told.append)

    start, stop = told
    assert isinstance(start, ServiceStart)
    assert isinstance(stop, ServiceStop)
    assert (start.mode, stop.reason, stop.exit_code) == ("paper", "runtime_seconds", 0)
    assert stop.snapshots == {"tiny": {"signals": 7, "private_key": "***"}}
    assert "hunter2" not in write_value(start)


def test_a_taken_health_port_is_bad_config(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(threading.Event.wait, health_port=port) == exit_codes.BAD_CONFIG

    assert f"HEALTH_PORT={port}" in capsys.readouterr().err


@pytest.mark.sockets
def test_redis_away_at_the_start_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"

    code = service_runner.run(Tiny(), settings(redis_url=url), redis=connect_redis(url), clock=SystemClock())

    assert code == exit_codes.DEPENDENCY_MISSING
    said = capsys.readouterr().err
    assert url in said
    assert "hybrid redis" in said


def test_two_of_one_name_cannot_run(tmp_path: Path) -> None:
    with instance_lock("buyer-0", tmp_path):
        with pytest.raises(RefusedForSafety, match=str(os.getpid())), instance_lock("buyer-0", tmp_path):
            pass
        with instance_lock("buyer-1", tmp_path):
            pass
    with instance_lock("buyer-0", tmp_path):
        pass


def test_every_exit_code_has_a_meaning() -> None:
    assert set(exit_codes.MEANINGS) == {0, 1, 2, 3, 4}
    assert exit_codes.exit_code(HybridError("x")) == exit_codes.CRASH


def announced(redis: Redis) -> list[Event]:
    return [read_event(entry.json) for entry in stream_tail(redis, SERVICE, 100)]


@pytest.mark.server
def test_the_run_is_announced_on_the_service_stream(valkey_url: str) -> None:
    given = settings(redis_url=valkey_url, runtime_seconds=0.2)
    with connect_redis(valkey_url) as redis:
        service_runner.run(Tiny(), given, redis=redis, clock=SystemClock())

        events = announced(redis)

    assert isinstance(events[0], ServiceStart)
    assert isinstance(events[-1], ServiceStop)
    beats = [event for event in events if isinstance(event, ServiceHealth)]
    assert beats[0].ready
    assert beats[0].detail["signals"] == 7
    assert len({event.id for event in events}) == len(events)


@pytest.mark.server
def test_redis_going_away_does_not_end_the_service(redis_server: EmbeddedRedis) -> None:
    """Pitfall 31."""
    given = settings(redis_url=redis_server.url, runtime_seconds=0.5)

    def work(stop: threading.Event) -> None:
        redis_server.kill()
        stop.wait()

    with connect_redis(redis_server.url) as redis:
        assert service_runner.run(Tiny(work), given, redis=redis, clock=SystemClock()) == exit_codes.CLEAN
