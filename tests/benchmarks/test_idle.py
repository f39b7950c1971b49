"""A pipeline that nobody trades for takes next to nothing."""

import json
import sys

import pytest

from benchmarks import idle

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.process]


@pytest.mark.takes(20)
def test_a_pipeline_that_waits_takes_less_than_its_bound_and_every_process_is_counted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["idle", "--warm", "5", "--seconds", "10"])

    code = idle.main()

    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["missing"] == []
    assert {"up", "detector", "buyer", "redeemer", "worker", "valkey-server", idle.VENUE} <= report["cpu_s"].keys()
    assert report["percent_of_a_core"] < idle.MOST_PERCENT, report
    assert code == 0
