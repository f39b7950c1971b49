"""The pipeline under supervisord, as on a virtual machine: every program killed, none lost, nothing doubled."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from ops.demo import World, read_all, settle, simulator
from ops.embedded_redis import EmbeddedRedis
from shared.broker import connect
from shared.clock import SystemClock
from shared.events import DECISIONS, SIGNALS, ActionableSignal, BuyEngineDecision
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("detector", "buyer", "redeemer", "worker")
CLOCK = SystemClock()


class Supervisor:
    """`supervisord -c supervisord.conf` in a folder of its own: the file is the one we ship, unchanged."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        (folder / "var" / "log").mkdir(parents=True)
        (folder / ".venv").symlink_to(sys.prefix)
        shutil.copy(ROOT / "supervisord.conf", folder)
        self.process = subprocess.Popen(
            [self._bin("supervisord"), "-c", "supervisord.conf"],
            cwd=folder,
            env={**os.environ, **env, "PYTHONPATH": str(ROOT), "RUN_DIR": str(folder / "run")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def states(self) -> dict[str, tuple[str, int]]:
        """Return each program's state and process id, as supervisorctl tells them."""
        words = [self._bin("supervisorctl"), "-c", "supervisord.conf", "status"]
        said = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False).stdout
        found = re.findall(r"(?m)^(\w+)\s+([A-Z]+)(?:\s+pid (\d+))?", said)
        return {name: (state, int(pid or 0)) for name, state, pid in found if name in PROGRAMS}

    def all_running(self) -> bool:
        return [state for state, _ in self.states().values()] == ["RUNNING"] * len(PROGRAMS)

    def log(self, program: str) -> str:
        return (self.folder / "var" / "log" / f"{program}.log").read_text()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)

    def _bin(self, program: str) -> str:
        return str(Path(sys.prefix) / "bin" / program)


@pytest.fixture
def venue() -> Iterator[World]:
    with simulator(CLOCK, "--leaders", "5", "--speed", "4", "--fills-per-minute", "40", "--seed", "7") as world:
        yield world


@pytest.fixture
def supervisor(venue: World, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Supervisor]:
    env = {**venue.environment, "REDIS_URL": redis_server.url, "HEARTBEAT_S": "1", "LOG_FORMAT": "json"}
    supervisor = Supervisor(tmp_path, env)
    yield supervisor
    supervisor.end()


def decided(redis: Redis) -> list[BuyEngineDecision]:
    """Return all decisions: those of signals, and of exits that go on because the first try did not fill."""
    return read_all(redis, DECISIONS, BuyEngineDecision)


def signalled(redis: Redis) -> set[str]:
    return {event.id for event in read_all(redis, SIGNALS, ActionableSignal)}


def test_killed(supervisor: Supervisor, venue: World, redis_server: EmbeddedRedis) -> None:
    """Each program killed with -9 comes back; by the venue's own record no fill is lost and none signalled twice."""
    with connect(redis_server.url) as redis:
        wait_until(supervisor.all_running)
        before = supervisor.states()
        wait_until(lambda: len(decided(redis)) >= 2)

        for _, pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: all(supervisor.states()[name][1] not in {0, before[name][1]} for name in PROGRAMS))
        wait_until(supervisor.all_running)
        venue.freeze()
        verdict = settle(venue, redis, CLOCK, PATIENCE_S)

        assert verdict.fills > 0
        assert verdict.clean, verdict
        wait_until(lambda: signalled(redis) <= {each.signal_id for each in decided(redis)}, "every signal is decided")
        decisions = decided(redis)
        assert len({each.signal_id for each in decisions}) == len(decisions)
        strangers = [each for each in decisions if each.signal_id not in signalled(redis)]
        assert [each.reason for each in strangers if not each.reason.startswith("exit: ")] == []

    supervisor.end()
    for program in PROGRAMS:
        assert '"exit_code": 0, "event": "service_stopped"' in supervisor.log(program), program
