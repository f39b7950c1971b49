"""What starts and waits is measured by itself, beside another tree where one is given."""

import json
import sys

import pytest

from benchmarks import startup

pytestmark = [pytest.mark.server, pytest.mark.process]


def test_every_command_has_its_cpu(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["startup", "--runs", "1", "--no-memory"])

    code = startup.main()

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert found["cpu_s"].keys() == startup.COMMANDS.keys()
    assert all(row["now"] > 0 for row in found["cpu_s"].values())
