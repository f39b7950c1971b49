"""Whole processes against the local venue: what runs here is what an operator runs."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.demo.demo import DemoWorld
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from tests.running.warm_process import WarmProcess
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S, wait_until

__all__ = ["CLOCK", "ROOT", "Programs", "end_within_15_s", "wait_until"]

ROOT = Path(__file__).resolve().parent.parent.parent
CLOCK = SystemClock()
QUICK = {"PROGRESS_EVERY_S": "1", "SCAN_EVERY_S": "1", "HEARTBEAT_S": "1", "LOG_FORMAT": "json"}


class Programs:
    """Starts our programs with an environment, and ends them all."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = {**os.environ, **QUICK, **env, "RUN_DIR": str(folder), "HYBRID_DIE_WITH_PARENT": str(os.getpid())}
        self._folder, self._started = folder, list[subprocess.Popen[str]]()

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start `python -m words...` (warm); stdout goes to a file named after the module."""
        number = len(self._started)
        out = (self._folder / f"{number}-{words[0]}.out").open("w+")
        log = (self._folder / f"{number}-{words[0]}.log").open("w+")
        process = WarmProcess(words, env={**self.env, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=log)
        out.close()
        log.close()
        self._started.append(process)
        return process

    def out(self, process: subprocess.Popen[str]) -> list[str]:
        """Return what a program printed so far, line by line."""
        number = self._started.index(process)
        return next(self._folder.glob(f"{number}-*.out")).read_text().splitlines()

    def log(self, process: subprocess.Popen[str]) -> str:
        """Return what a program logged so far."""
        number = self._started.index(process)
        return next(self._folder.glob(f"{number}-*.log")).read_text()

    def end(self) -> None:
        """Kill whatever still runs."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE_S)


def end_within_15_s(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> int:
    """Tell a program to stop; return its exit code (S5).

    The 15 s are kept by the program's own clock: what has not drained by then is left, and the exit code is 1. Here
    nothing is timed, since a busy machine may not even let the program run for so long.
    """
    process.send_signal(number)
    return process.wait(PATIENCE_S)


@pytest.fixture
def venue() -> Iterator[DemoWorld]:
    """Give a lively local venue: five leaders, markets that resolve after a few seconds."""
    words = ("--leaders", "5", "--speed", "4", "--resolve-after", "20", "--fills-per-minute", "40", "--seed", "7")
    with simulator(CLOCK, *words) as world:
        yield world


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Programs]:
    """Give a starter of programs that end before they need anybody: no venue, no server."""
    starter = Programs({"REDIS_URL": "redis://127.0.0.1:1/0"}, tmp_path)
    yield starter
    starter.end()


@pytest.fixture
def programs(venue: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[Programs]:
    """Give a starter of programs, told of the venue and the server."""
    starter = Programs({**venue.environment, "REDIS_URL": redis_server.url}, tmp_path)
    yield starter
    starter.end()
