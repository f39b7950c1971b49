"""Told to stop as an operator tells it: Ctrl-C reaches a whole process group, at any moment, and perhaps twice."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ops.demo.demo import DemoWorld, read_all
from ops.supervisor.embedded_redis import EmbeddedRedis
from ops.supervisor.server_folder import known_url
from shared.capture.capture import Capture
from shared.domain.errors import Unavailable
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.service import ServiceStop
from shared.messages.signals import ActionableSignal
from shared.process.service_life import HURRY_AFTER_S
from shared.redis.client import connect_redis
from tests.process.conftest import CLOCK, QUICK, ROOT, wait_until
from tests.running.warm_process import WarmProcess

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

PARTS = {"detector", "buyer", "redeemer", "redeemer-worker"}
ENDS_WITHIN_S = 15
BLOCKED = """
import os, select
os.write(2, b"importing\\n")
while True:  # a signal between two calls would be heard only after the next
    select.select((), (), (), 0.05)
"""


class Group:
    """A program that leads a process group of its own, as a shell's foreground job does."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        self._out, self._log = folder / "group.out", folder / "group.log"
        with self._out.open("w") as out, self._log.open("w") as log:
            self.process = WarmProcess(
                words,
                env={**os.environ, **QUICK, "RUN_DIR": str(folder / "run"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def ctrl_c(self) -> None:
        """Send what a terminal sends: SIGINT to everybody in the group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def ends(self) -> int:
        return self.process.wait(ENDS_WITHIN_S)


@contextmanager
def group(folder: Path, *words: str, **environment: str) -> Generator[Group]:
    started = Group(folder, *words, **environment)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait(10)


def stops_in(data_dir: Path) -> dict[str, int]:
    """Return the exit code in the last stop event of each service, from the data an embedded server left."""
    with EmbeddedRedis(data_dir / "valkey") as server, connect_redis(server.url) as redis:
        return {event.service: event.exit_code for event in read_all(redis, SERVICE, ServiceStop)}


def signalled(url: Callable[[], str | None]) -> Callable[[], bool]:
    """Return a look at whether the pipeline at that server has signalled anything."""

    def look() -> bool:
        found = url()
        if not found:
            return False
        with connect_redis(found) as redis, contextlib.suppress(Unavailable):
            return bool(read_all(redis, SIGNALS, ActionableSignal))
        return False

    return look


@pytest.mark.pitfall(61)
def test_ctrl_c_in_the_demo_shows_the_summary_with_every_stop_written_and_ends_with_0(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    with group(tmp_path, "ops.cli", "demo", "--no-screen", "--data-dir", str(home)) as demo:
        wait_until(lambda: "ACTIONABLE_SIGNAL 0" in demo.log)
        wait_until(signalled(lambda: known_url(home)))

        demo.ctrl_c()
        code = demo.ends()

    assert code == 0, demo.log[-2000:]
    summary = json.loads(demo.out.splitlines()[-1])
    assert (summary["event"], summary["ok"], summary["ended"]) == ("DEMO_SUMMARY", True, "told to stop")
    stops = [json.loads(entry.json) for entry in Capture.open(home / "capture.jsonl") if entry.stream == SERVICE]
    assert {stop["service"]: stop["exit_code"] for stop in stops if stop["event"] == "SERVICE_STOP"} == dict.fromkeys(
        PARTS, 0
    )
    assert "Traceback" not in demo.log


@pytest.mark.pitfall(61)
@pytest.mark.parametrize("form", ["up", "service"])
def test_ctrl_c_ends_the_pipeline_with_every_stop_written_before_its_own_server_goes(
    form: str, venue: DemoWorld, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    with group(tmp_path, "ops.cli", form, "--data-dir", str(data_dir), **venue.environment) as pipeline:
        wait_until(signalled(lambda: known_url(data_dir)))
        server = known_url(data_dir)

        pipeline.ctrl_c()
        code = pipeline.ends()

    assert server is not None
    assert code == 0, pipeline.log[-2000:]
    if form == "up":
        summary = json.loads(pipeline.out.splitlines()[-1])
        assert (summary["event"], {*PARTS, "up"} - summary.keys()) == ("RUN_SUMMARY", set())
        assert summary["detector"]["signals"] > 0
    assert stops_in(data_dir) == dict.fromkeys({"up", *PARTS} if form == "up" else {"service"}, 0)
    assert "announcing_paused" not in pipeline.log, "the server was gone before the last word"
    assert "Traceback" not in pipeline.log


def test_a_second_ctrl_c_ends_at_once_and_says_what_was_left(venue: DemoWorld, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with group(tmp_path, "ops.cli", "up", "--data-dir", str(data_dir), **venue.environment) as pipeline:
        wait_until(signalled(lambda: known_url(data_dir)))
        with connect_redis(known_url(data_dir) or "") as redis:
            pids = [int(redis.info("server")["process_id"]), *pids_of(pipeline.log)]
        os.kill(pids[1], signal.SIGSTOP)  # the worker hangs, so that there is something to wait for
        pipeline.ctrl_c()
        wait_until(lambda: '"reason": "SIGTERM"' in pipeline.log)
        CLOCK.wait(threading.Event(), 2 * HURRY_AFTER_S)
        told_at = CLOCK.monotonic()

        pipeline.ctrl_c()
        code = pipeline.process.wait(5)

    assert CLOCK.monotonic() - told_at < 3
    assert code == 1
    (said,) = [line for line in pipeline.log.splitlines() if "told twice" in line]
    assert "worker" in said
    assert not any(alive(pid) for pid in pids), pids


def test_a_second_ctrl_c_in_the_demo_leaves_nothing_running_and_says_what_it_left(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    with group(tmp_path, "ops.cli", "demo", "--no-screen", "--data-dir", str(home)) as demo:
        wait_until(signalled(lambda: known_url(home)))
        with connect_redis(known_url(home) or "") as redis:
            pids = [int(redis.info("server")["process_id"]), *pids_of(demo.log)]
        os.kill(pids[-1], signal.SIGSTOP)  # the detector hangs, so that there is something to wait for
        demo.ctrl_c()
        CLOCK.wait(threading.Event(), 2 * HURRY_AFTER_S)

        demo.ctrl_c()
        code = demo.process.wait(5)

    assert code == 1
    (said,) = [line for line in demo.log.splitlines() if "told twice" in line]
    assert all(name in said for name in ("detector", "simulator", "server"))
    wait_until(lambda: not any(alive(pid) for pid in pids))


def pids_of(log: str) -> list[int]:
    """Return the process ids of the programs of `hybrid up`, in the order of their start: the worker first."""
    lines = [line.partition("{") for line in log.splitlines() if '"program_started"' in line]
    return [int(json.loads("{" + rest)["pid"]) for _, _, rest in lines]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_buyer_at_a_pipe_ends_at_once_with_0_while_its_writer_lives(
    number: signal.Signals, venue: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    env = {**os.environ, **QUICK, **venue.environment, "REDIS_URL": redis_server.url, "RUN_DIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        buyer = WarmProcess(["buyer", "--stdin"], env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
    try:
        wait_until(lambda: "service_started" in (tmp_path / "log").read_text())
        told_at = CLOCK.monotonic()

        buyer.send_signal(number)
        code = buyer.wait(ENDS_WITHIN_S)
    finally:
        buyer.kill()
        buyer.communicate(timeout=10)

    assert code == 0
    assert CLOCK.monotonic() - told_at < 2
    assert "Fatal" not in (tmp_path / "log").read_text()


def test_ctrl_c_in_the_pipe_form_ends_both_with_0_and_every_stop_written(
    venue: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    env = {**os.environ, **QUICK, **venue.environment, "REDIS_URL": redis_server.url, "RUN_DIR": str(tmp_path)}
    log = (tmp_path / "log").open("w")
    given: dict[str, Any] = {"cwd": ROOT, "env": env, "stderr": log}
    detector = subprocess.Popen([sys.executable, "-m", "detector"], **given, stdout=subprocess.PIPE, process_group=0)
    buyer = subprocess.Popen(
        [sys.executable, "-m", "buyer", "--stdin"],
        **given,
        stdin=detector.stdout,
        stdout=subprocess.DEVNULL,
        process_group=detector.pid,
    )
    assert detector.stdout is not None
    detector.stdout.close()
    try:
        with connect_redis(redis_server.url) as redis:
            wait_until(lambda: redis.xlen("hs:decisions") > 0)
            os.killpg(detector.pid, signal.SIGINT)
            codes = [process.wait(ENDS_WITHIN_S) for process in (detector, buyer)]
            stops = {event.service: event.exit_code for event in read_all(redis, SERVICE, ServiceStop)}
    finally:
        for process in (detector, buyer):
            process.kill()
            process.wait(10)

    log.close()
    said = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["part"] for line in said if line["event"] == "summary"} == {"detector", "buyer"}
    assert codes == [0, 0]
    assert stops == {"detector": 0, "buyer": 0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "words",
    [
        ("detector",),
        ("buyer",),
        ("redeemer",),
        ("redeemer.worker",),
        ("ops.run_service",),
        ("ops.cli", "up"),
        ("ops.cli", "demo"),
        ("ops.cli", "service"),
    ],
    ids=" ".join,
)
def test_a_signal_while_a_program_imports_ends_it_with_one_line_and_0(
    words: tuple[str, ...], number: signal.Signals, tmp_path: Path
) -> None:
    (tmp_path / "redis.py").write_text(BLOCKED)  # every program imports it, and now never comes to an end with it
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "importing\n"

        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    finally:
        process.kill()
        process.wait(10)

    assert process.returncode == 0
    assert said.strip().endswith(f"{number.name}: ended before it began")
    assert len(said.splitlines()) == 1
