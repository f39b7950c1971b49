"""The program itself: one ready line, then clean ends."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator, pytest.mark.process]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_announces_itself_serves_and_ends_cleanly(stop: signal.Signals) -> None:
    owner = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
    command = [sys.executable, "-m", "simulator", "--speed", "50", "--leaders", "4", "--fund", f"{owner}:250:eoa"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        ready = json.loads(program.stdout.readline())
        alive = requests.get(ready["clob_url"] + "/ok", timeout=PATIENCE_S)
        accounts = requests.get(ready["control_url"] + "/accounts", timeout=PATIENCE_S).json()["accounts"]
        program.send_signal(stop)
        assert program.wait(timeout=PATIENCE_S) == 0

    assert ready["event"] == "SIMULATOR_READY"
    assert len(ready["leaders"]) == 4
    assert alive.json() == "OK"
    assert [(each["wallet"], each["cash_micro"]) for each in accounts] == [(owner, 250_000_000)]


def test_help_shows_examples() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "simulator", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "examples:" in shown.stdout
    assert "--activity" in shown.stdout


def test_an_error_of_its_command_line_shows_no_key() -> None:
    words = [sys.executable, "-m", "simulator", "--port", "0x" + "5a" * 32, "0x" + "6b" * 32]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)

    assert said.returncode == 2
    assert "(hidden)" in said.stderr
    assert "5a5a" not in said.stderr
    assert "6b6b" not in said.stderr
