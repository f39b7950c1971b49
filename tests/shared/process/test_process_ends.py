"""How a real process ends: told, told twice, hung, orphaned, misconfigured."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.domain import exit_codes
from tests.running.warm_process import WarmProcess
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[3]
TINY = "tests.shared.process.tiny_service"


class Started:
    """The tiny service as a process of its own; `says` waits for a line of its log."""

    def __init__(self, *work: str, **env: str) -> None:
        told = {**os.environ, "PYTHONPATH": str(ROOT), "LOG_FORMAT": "json", **env}
        self.process = WarmProcess([TINY, *work], env=told, stderr=subprocess.PIPE)

    def says(self, event: str) -> dict[str, Any]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if f'"event": "{event}"' in line:
                return json.loads(line)
        raise AssertionError(f"the process ended without saying {event}")

    def end(self) -> tuple[int, str]:
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_clean(number: signal.Signals) -> None:
    """S5."""
    started = Started("wait")
    started.says("service_started")

    started.process.send_signal(number)

    code, said = started.end()
    assert code == exit_codes.CLEAN
    assert number.name in said


@pytest.mark.process
def test_a_thread_that_hangs_does_not_hold_the_process() -> None:
    started = Started("hang")
    started.says("service_started")

    started.process.terminate()

    code, said = started.end()
    assert code == exit_codes.CRASH
    assert "stuck-poller" in said


@pytest.mark.process
def test_a_second_signal_cuts_the_wait_short() -> None:
    started = Started("hang-long")
    started.says("service_started")
    started.process.terminate()
    started.says("draining")

    started.process.terminate()

    assert started.end()[0] == exit_codes.CRASH


@pytest.mark.process
def test_a_process_ends_when_its_parent_is_killed() -> None:
    """A killed supervisor leaves no second copy behind."""
    if not sys.platform.startswith("linux"):
        pytest.skip("the parent-death signal is Linux's")
    parent = Started("parent", HYBRID_DIE_WITH_PARENT="1")
    parent.says("service_started")

    parent.process.kill()

    assert parent.says("service_stopped")["reason"] == "SIGTERM"
    parent.process.wait(timeout=PATIENCE_S)
    assert parent.process.stderr is not None
    parent.process.stderr.close()


@pytest.mark.process
def test_bad_config_ends_the_process_with_one_line_and_2() -> None:
    started = Started("wait", HEARTBEAT_S="never")

    code, said = started.end()

    assert code == exit_codes.BAD_CONFIG
    assert said.startswith("tiny: HEARTBEAT_S='never'")
    assert len(said.splitlines()) == 1


@pytest.mark.process
def test_a_refused_program_stays_where_it_is_told_to_and_ends_with_its_code_when_told() -> None:
    """Where restarts know no exit codes it would be started, and ask the venue, again and again."""
    started = Started("wait", HEARTBEAT_S="never", HYBRID_REFUSED_STAYS_S="inf")
    assert started.says("refused_and_stays")["exit_code"] == exit_codes.BAD_CONFIG
    assert started.process.poll() is None

    started.process.terminate()

    assert started.end() == (exit_codes.BAD_CONFIG, "")


@pytest.mark.process
@pytest.mark.parametrize("stays", ["", "0", "soon", "nan", "-1", "0.1"])
def test_a_refused_program_ends_by_itself_elsewhere(stays: str) -> None:
    assert Started("wait", HEARTBEAT_S="never", HYBRID_REFUSED_STAYS_S=stays).end()[0] == exit_codes.BAD_CONFIG
