"""supervisord runs the same programs: killed ones come back, nothing is lost or doubled."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.demo import World, read_all, settle
from ops.embedded_redis import EmbeddedRedis
from shared.broker import connect
from shared.events import DECISIONS, SERVICE, SIGNALS, ActionableSignal, BuyEngineDecision, ServiceStart
from tests.process.conftest import CLOCK, QUICK, ROOT, wait_until

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

NAMES = ("detector", "buyer", "redeemer", "worker")
BIN = Path(sys.executable).parent


class Supervisor:
    """`supervisord -c supervisord.conf` and its command."""

    def __init__(self, env: dict[str, str]) -> None:
        (ROOT / "var" / "log").mkdir(parents=True, exist_ok=True)
        self._env = env
        self.process = subprocess.Popen(
            [BIN / "supervisord", "-c", "supervisord.conf"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def pids(self) -> dict[str, int]:
        """Return the process id of each running program."""
        lines = self._ask("status").splitlines()
        rows = [line.split() for line in lines if "RUNNING" in line or "STARTING" in line]
        return {row[0]: int(row[3].rstrip(",")) for row in rows if len(row) > 3 and row[2] == "pid"}

    def _ask(self, *words: str) -> str:
        command = [BIN / "supervisorctl", "-c", "supervisord.conf", *words]
        return subprocess.run(command, cwd=ROOT, env=self._env, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def supervisor(venue: World, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Supervisor]:
    told = {**os.environ, **QUICK, **venue.environment, "REDIS_URL": redis_server.url, "RUN_DIR": str(tmp_path)}
    supervisor = Supervisor(told)
    yield supervisor
    if supervisor.process.poll() is None:
        supervisor.process.kill()
        supervisor.process.wait(20)


def test_programs_killed_under_supervisord_come_back_and_nothing_is_lost_or_doubled(
    supervisor: Supervisor, venue: World, redis_server: EmbeddedRedis
) -> None:
    redis = connect(redis_server.url, blocking_s=1)
    wait_until(lambda: set(supervisor.pids()) == set(NAMES))
    wait_until(lambda: len(read_all(redis, SIGNALS, ActionableSignal)) > 0)

    before = supervisor.pids()
    for name in NAMES:
        os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: all(supervisor.pids().get(name, before[name]) != before[name] for name in NAMES), 40)
    wait_until(lambda: len(read_all(redis, SERVICE, ServiceStart)) >= 2 * len(NAMES))
    venue.freeze()
    verdict = settle(venue, redis, CLOCK)

    assert verdict.fills > 0
    assert verdict.clean, verdict
    decided = read_all(redis, DECISIONS, BuyEngineDecision)
    assert len({decision.signal_id for decision in decided}) == len(decided)

    supervisor.process.terminate()
    assert supervisor.process.wait(30) == 0
    assert not any(_alive(pid) for pid in supervisor.pids().values())


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
