"""What a process asks of its server before it begins, and what it notes there."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain import exit_codes
from shared.domain.errors import StillLoading, Unavailable
from shared.messages.base import SERVICE, Event
from shared.messages.events import read_event
from shared.messages.service import ServiceStop
from shared.process import service_runner
from shared.redis.client import answering, connect_redis
from shared.redis.pipeline_record import read_record
from shared.redis.streams import stream_tail
from tests.ops.supervisor.slow_server import SlowServer
from tests.shared.process.test_service_runner import Tiny, raising, settings

pytestmark = pytest.mark.slow


@pytest.mark.server
@pytest.mark.pitfall(38)
def test_a_program_notes_on_its_server_that_it_is_of_our_pipeline_and_again_after_a_flush(valkey_url: str) -> None:
    given = settings(redis_url=valkey_url, runtime_seconds=0.4)
    with connect_redis(valkey_url) as redis:

        def work(stop: threading.Event) -> None:
            redis.flushall()
            stop.wait()

        service_runner.run(Tiny(work), given, redis=redis, clock=SystemClock(), mode="paper")

        (noted,) = read_record(redis).programs

    assert (noted.service, noted.mode) == ("tiny", "paper")


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[SlowServer]:
    server = SlowServer(tmp_path / "valkey").filled()
    starting = threading.Thread(target=server.start)
    starting.start()
    clock, never = SystemClock(), threading.Event()
    while not _is_loading(server.url):
        clock.wait(never, 0.01)
    yield server
    starting.join()
    server.stop()


def _is_loading(url: str) -> bool:
    try:
        with connect_redis(url) as redis, answering(redis):
            redis.ping()
    except StillLoading:
        return True
    except Unavailable:
        return False
    raise AssertionError("it loaded too soon")


@pytest.mark.server
@pytest.mark.pitfall(61)
def test_a_program_waits_for_a_server_that_loads_and_says_how_far_it_is(
    loading: SlowServer, capsys: pytest.CaptureFixture[str]
) -> None:
    given = settings(redis_url=loading.url, runtime_seconds=0.1, log_level="info", log_format="json")
    with connect_redis(loading.url) as redis:
        assert service_runner.run(Tiny(), given, redis=redis, clock=SystemClock()) == exit_codes.CLEAN

        assert isinstance(read_event(stream_tail(redis, SERVICE, 1)[0].json), ServiceStop)

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    events = [line["event"] for line in said]
    assert events.index("server_loading") < events.index("server_checked") < events.index("service_started")
    assert "% of its file is read" in said[events.index("server_loading")]["found"]


@pytest.mark.server
@pytest.mark.pitfall(61)
def test_a_program_that_is_told_to_stop_while_its_server_loads_ends_clean_and_begins_nothing(
    loading: SlowServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny, told = Tiny(raising(AssertionError("it began"))), list[Event]()
    soon = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM))
    soon.start()
    with connect_redis(loading.url) as redis:
        code = service_runner.run(
            tiny, settings(redis_url=loading.url), redis=redis, clock=SystemClock(), emit=told.append
        )

    assert (code, told) == (exit_codes.CLEAN, [])
    assert "tiny: SIGTERM: ended before it began" in capsys.readouterr().err


@pytest.mark.server
def test_a_program_says_at_its_start_what_its_server_keeps(valkey_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = settings(redis_url=valkey_url, runtime_seconds=0.05, log_level="info", log_format="json")
    with connect_redis(valkey_url) as redis:
        service_runner.run(Tiny(), given, redis=redis, clock=SystemClock())

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (checked,) = [line for line in said if line["event"] == "server_checked"]
    (risk,) = [line for line in said if line["event"] == "server_may_lose"]
    assert (checked["maxmemory_policy"], checked["appendonly"]) == ("noeviction", "no")
    assert "Set appendonly yes" in risk["found"]


@pytest.mark.server
def test_a_program_says_what_a_managed_server_does_not_tell(
    redis_server: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    with connect_redis(redis_server.url) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-config")
    url = f"redis://app:pw@127.0.0.1:{redis_server.port}/0"
    with connect_redis(url) as redis:
        given = settings(redis_url=url, runtime_seconds=0.05, log_level="info", log_format="json")
        assert service_runner.run(Tiny(), given, redis=redis, clock=SystemClock()) == exit_codes.CLEAN

    assert "does not tell appendfsync: unknown" in capsys.readouterr().err


@pytest.mark.server
@pytest.mark.parametrize(("database", "fix"), [("99", "end the URL with /0"), ("0", "fix the user or password")])
def test_a_server_that_refuses_us_is_bad_config_in_one_line(
    valkey_url: str, database: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    user = "" if database == "99" else "nobody:pw@"
    bare = valkey_url.replace("/0?", f"/{database}?")
    url = bare.partition("?")[0].replace("://", f"://{user}") if user else bare
    with connect_redis(url) as redis:
        assert (
            service_runner.run(Tiny(), settings(redis_url=url), redis=redis, clock=SystemClock())
            == exit_codes.BAD_CONFIG
        )

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("tiny: ")]
    assert len(said) == 1
    assert fix in said[0]
