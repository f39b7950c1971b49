"""The stopwatch on an order: each stage of the buyer, beside the barest script that does the same job."""

import json

import pytest

from benchmarks.order_path import NAMES, main

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]


def test_every_stage_of_an_order_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--signals", "20", "--seconds", "0"]) == 0

    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["orders"] == 20
    assert said["stages_ms"].keys() == set(NAMES)
    assert all(stage > 0 for stage in said["stages_ms"].values())
