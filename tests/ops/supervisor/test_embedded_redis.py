"""The embedded server: ours alone answers, nobody else reads its folder, and it always ends."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from redis import Redis

from ops.commands.options import server_url
from ops.supervisor import embedded_redis, folder_lock
from ops.supervisor.embedded_redis import EmbeddedRedis, Stopping
from ops.supervisor.server_folder import embedded_server, known_url
from shared.clock import Clock, SystemClock
from shared.domain.errors import DependencyMissing, RefusedForSafety, StillLoading, Unavailable
from shared.process.shutdown_signals import ToldToStop
from shared.redis.client import answering, connect_redis
from shared.redis.server_loading import wait_until_loaded
from tests.ops.supervisor.slow_server import SlowServer

pytestmark = pytest.mark.server
NOBODY = 2**22 + 1
"""No process has it: more than Linux gives."""


def test_a_stranger_on_its_port_is_not_taken_for_ours(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="did not start"):
        EmbeddedRedis(tmp_path / "other", port=redis_server.port).start()


def test_only_its_owner_reads_its_folder(redis_server: EmbeddedRedis) -> None:
    assert redis_server.folder.stat().st_mode & 0o777 == 0o700


def test_a_server_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "_ENDS_S", 0.2)
    server = EmbeddedRedis(tmp_path / "valkey").start()
    server._end(signal.SIGCONT)

    assert server.pid is None


@pytest.mark.pitfall(61)
def test_a_server_that_loads_its_file_is_waited_for_and_says_how_far_it_is(tmp_path: Path) -> None:
    told: list[str] = []
    server = SlowServer(tmp_path / "valkey", tell=told.append).filled()
    told.clear()

    with server, connect_redis(server.url) as redis:
        assert redis.get("key:15999") == "15999"

    assert "is loading: " in told[0]
    assert "% of its file is read" in told[0]


@pytest.mark.pitfall(61)
def test_who_stops_while_a_server_loads_leaves_none_behind(tmp_path: Path) -> None:
    told: list[str] = []
    server = SlowServer(tmp_path / "valkey", tell=told.append).filled()
    told.clear()

    server.start(lambda: bool(told))

    assert not server.running
    with server, connect_redis(server.url) as redis:
        assert redis.get("key:15999") == "15999"


@pytest.mark.pitfall(61)
def test_a_signal_while_the_server_of_a_folder_loads_ends_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SlowServer(tmp_path / "valkey").filled()
    monkeypatch.setattr("ops.supervisor.server_folder.EmbeddedRedis", Signalled)

    with pytest.raises(ToldToStop, match="SIGTERM"), embedded_server(tmp_path, SystemClock()):
        pytest.fail("it was told to stop")

    assert known_url(tmp_path) is None


def _await_loading(redis: Redis, clock: SystemClock) -> None:
    never = threading.Event()
    while True:
        try:
            with answering(redis):
                redis.ping()
        except StillLoading:
            return
        except Unavailable:
            clock.wait(never, 0.01)


class Signalled(SlowServer):
    """A slow server; our process gets a signal as soon as it says that it loads."""

    def __init__(self, folder: Path, *, port: int | None, clock: Clock) -> None:
        super().__init__(folder, port=port, clock=clock, tell=lambda _line: os.kill(os.getpid(), signal.SIGTERM))


@pytest.mark.pitfall(61)
def test_a_server_of_ones_own_that_loads_is_waited_for_until_told_to_stop(tmp_path: Path) -> None:
    server = SlowServer(tmp_path / "valkey").filled()
    starting = threading.Thread(target=server.start)
    starting.start()
    clock, never, told = SystemClock(), threading.Event(), list[str]()
    with connect_redis(server.url) as redis:
        _await_loading(redis, clock)

        stopped = wait_until_loaded(redis, clock=clock, tell=told.append, pause=lambda _s: True)
        served = wait_until_loaded(redis, clock=clock, tell=told.append, pause=lambda s: clock.wait(never, s))

        assert (stopped, served, redis.get("key:15999")) == (False, True, "15999")
    starting.join()
    server.stop()
    assert f"Redis at redis://127.0.0.1:{server.port}/0 is loading: " in told[0]


@pytest.mark.pitfall(61)
def test_a_command_waits_for_a_server_that_loads_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = SlowServer(tmp_path / "valkey").filled()
    starting = threading.Thread(target=server.start)
    starting.start()
    with connect_redis(server.url) as redis:
        _await_loading(redis, SystemClock())

    url = server_url(server.url, tmp_path)

    with connect_redis(url) as redis:
        assert redis.get("key:15999") == "15999"
    starting.join()
    server.stop()
    assert f"Redis at redis://127.0.0.1:{server.port}/0 is loading: " in capsys.readouterr().err


@pytest.mark.pitfall(61)
def test_a_server_that_loads_when_its_parent_is_killed_is_ended_by_the_next_start(tmp_path: Path) -> None:
    orphan = SlowServer(tmp_path / "valkey").filled()
    starting = threading.Thread(target=lambda: orphan.start(lambda: not orphan.running))
    starting.start()
    with connect_redis(orphan.url) as redis:
        _await_loading(redis, SystemClock())
    (tmp_path / "redis.url").write_text(orphan.url)

    with embedded_server(tmp_path, SystemClock()) as server, connect_redis(server.url) as redis:
        starting.join()
        assert not orphan.running
        assert redis.get("key:15999") == "15999"


class Interrupted(EmbeddedRedis):
    """A server whose start takes so long that somebody presses Ctrl-C."""

    def start(self, stopping: Stopping = lambda: False) -> Self:
        super().start(stopping)
        self.left = self.pid
        os.kill(os.getpid(), signal.SIGINT)
        return self


@pytest.mark.pitfall(61)
def test_a_start_that_is_interrupted_leaves_no_server_behind(tmp_path: Path) -> None:
    server = Interrupted(tmp_path / "valkey")

    with pytest.raises(ToldToStop, match="SIGINT"), server:
        pytest.fail("it was told to stop before it began")

    assert server.pid is None
    assert server.left is not None
    with pytest.raises(ProcessLookupError):
        os.kill(server.left, 0)


@pytest.mark.pitfall(61)
def test_ctrl_c_does_not_reach_the_server_for_it_is_in_no_group_of_ours(redis_server: EmbeddedRedis) -> None:
    assert redis_server.pid is not None
    assert os.getpgid(redis_server.pid) != os.getpgid(0)


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """Give the server that a killed parent left in the folder, stopped as on a disk that hangs."""
    server = EmbeddedRedis(tmp_path / "valkey").start()
    (tmp_path / "redis.url").write_text(server.url)
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    yield server
    server.kill()


def test_a_frozen_server_of_before_keeps_its_folder_and_is_named_with_the_fix(
    frozen: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_lock, "ENDS_WITHIN_S", 0.2)
    assert frozen.pid

    with (
        pytest.raises(RefusedForSafety, match=f"kill -KILL {frozen.pid}"),
        embedded_server(tmp_path, SystemClock()),
    ):
        pytest.fail("two servers on one folder")

    os.kill(frozen.pid, signal.SIGKILL)
    with embedded_server(tmp_path, SystemClock()) as server:
        assert server.running


def test_a_fork_that_a_dead_server_left_behind_keeps_nobody_from_its_folder(tmp_path: Path) -> None:
    path = tmp_path / folder_lock.NAME
    with folder_lock.folder_lock(tmp_path, SystemClock()) as held:
        held.write(str(NOBODY))
        held.flush()

        with folder_lock.folder_lock(tmp_path, SystemClock()) as ours:
            assert os.fstat(ours.fileno()).st_ino == path.stat().st_ino
            assert os.fstat(held.fileno()).st_ino != path.stat().st_ino
