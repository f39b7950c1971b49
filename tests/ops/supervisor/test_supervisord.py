"""The pipeline under supervisord, as on a virtual machine: every program killed, none lost, nothing doubled."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import ServerProxy

import pytest
from redis import Redis
from supervisor.xmlrpc import SupervisorTransport

from ops.demo.demo import DemoWorld, read_all, settle
from ops.domain.fill_timeline import is_attempt
from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from shared.clock import SystemClock
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

ROOT = Path(__file__).resolve().parents[3]
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
        """Return each program's state and process id, as supervisord tells them where supervisorctl asks it."""
        place = SupervisorTransport("", "", f"unix://{self.folder / 'var' / 'supervisor.sock'}")
        try:
            with ServerProxy("http://127.0.0.1", place) as asked:
                found = cast("list[dict[str, Any]]", asked.supervisor.getAllProcessInfo())
        except OSError:  # it starts
            return {}
        return {each["name"]: (each["statename"], each["pid"]) for each in found if each["name"] in PROGRAMS}

    def all_running(self) -> bool:
        return [state for state, _ in self.states().values()] == ["RUNNING"] * len(PROGRAMS)

    def log(self, program: str) -> str:
        file = self.folder / "var" / "log" / f"{program}.log"
        return file.read_text() if file.exists() else ""

    def ends(self) -> list[int]:
        """Return the exit code of each program's one end, in the order of PROGRAMS, as supervisord logged it."""
        text = (self.folder / "var" / "log" / "supervisord.log").read_text()
        found = dict(re.findall(r"exited: (\w+) \(exit status (\d+); expected\)", text))
        return [int(found[program]) for program in PROGRAMS]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(PATIENCE_S)

    def _bin(self, program: str) -> str:
        return str(Path(sys.prefix) / "bin" / program)


@pytest.fixture
def venue() -> Iterator[DemoWorld]:
    with simulator(CLOCK, "--leaders", "5", "--speed", "4", "--fills-per-minute", "40", "--seed", "7") as world:
        yield world


@pytest.fixture
def refusing(redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Supervisor]:
    """Give programs that refuse to run: nobody to follow, and one of the two words for real money."""
    env = {"REDIS_URL": redis_server.url, "TRACKED_WALLETS": "", "LIVE": "true", "LOG_FORMAT": "json"}
    supervisor = Supervisor(tmp_path, env)
    yield supervisor
    supervisor.end()


@pytest.fixture
def serverless(tmp_path: Path) -> Iterator[Supervisor]:
    """Give programs whose server is not there."""
    env = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "TRACKED_WALLETS": "0x" + "1a" * 20}
    supervisor = Supervisor(tmp_path, env)
    yield supervisor
    supervisor.end()


@pytest.fixture
def supervisor(venue: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Supervisor]:
    env = {**venue.environment, "REDIS_URL": redis_server.url, "HEARTBEAT_S": "1", "LOG_FORMAT": "json"}
    supervisor = Supervisor(tmp_path, env)
    yield supervisor
    supervisor.end()


def test_a_refused_program_stays_down_with_its_line_and_is_started_once(refusing: Supervisor) -> None:
    wait_until(
        lambda: [state for state, _ in refusing.states().values()] == ["EXITED"] * len(PROGRAMS), "it stands", 90
    )

    for program in PROGRAMS:
        said = refusing.log(program)
        assert said.count("refused_and_stays") == 1, said
        assert "TRACKED_WALLETS" in said if program == "detector" else "contradict each other" in said
    assert refusing.ends() == [2, 4, 4, 4]


def test_a_program_without_its_server_is_started_again_until_it_comes(serverless: Supervisor) -> None:
    wait_until(
        lambda: all(serverless.log(program).count("no server answers") >= 2 for program in PROGRAMS), "it stands", 90
    )

    # EXITED is also the moment before the next start of one that took long to say so.
    wait_until(
        lambda: not {state for state, _ in serverless.states().values()} & {"EXITED", "FATAL"}, "none is given up"
    )


def decided(redis: Redis) -> list[str]:
    """Return the signals decided on; an exit's own orders, which a slow machine needs more of, are on none."""
    decisions = read_all(redis, DECISIONS, BuyEngineDecision)
    return [decision.signal_id for decision in decisions if not is_attempt(decision)]


@pytest.mark.takes(17)
def test_killed(supervisor: Supervisor, venue: DemoWorld, redis_server: EmbeddedRedis) -> None:
    """Each program killed with -9 comes back; by the venue's own record no fill is lost and none signalled twice."""
    with connect_redis(redis_server.url) as redis:
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
        signals = read_all(redis, SIGNALS, ActionableSignal)
        wanted = {event.id for event in signals}
        wait_until(lambda: wanted <= set(decided(redis)), "every signal is decided")
        found = decided(redis)
        assert sorted(name for name in found if name in wanted) == sorted(wanted)
        assert len(set(found)) == len(found), "an exit that goes on after its signal has its own name"

    supervisor.end()
    for program in PROGRAMS:
        assert '"exit_code": 0, "event": "service_stopped"' in supervisor.log(program), program
