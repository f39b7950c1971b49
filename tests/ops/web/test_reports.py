"""A wallet's report as a job: asked of the venue, told as it goes, and read on its page."""

import json
from pathlib import Path

import pytest

from ops.web.jobs import allowed_jobs
from ops.web.jobs.job_runner import JobRunner
from shared.clock import SystemClock
from tests.ops.web.web_rig import WebRig
from tests.running.warm_venue import simulator
from tests.waiting import wait_until

CLOCK = SystemClock()
WORLD = ("--leaders", "1", "--speed", "10", "--resolve-after", "20", "--fills-per-minute", "300", "--seed", "7")


@pytest.mark.process
@pytest.mark.server
@pytest.mark.simulator
@pytest.mark.slow
def test_a_wallet_is_judged_and_its_report_read(desk: WebRig, tmp_path: Path) -> None:
    folder = tmp_path / "web" / "reports"
    with simulator(CLOCK, *WORLD) as world:
        wait_until(lambda: len(world.fills()) > 20, "some trades")
        world.freeze()
        runner, leader = JobRunner(world.environment, CLOCK), world.leaders[0]
        stages: set[str] = set()
        job = runner.start(allowed_jobs.wallet_report(leader, "1", folder), "web:anna")

        def ended() -> bool:
            report = runner.report(job.id)
            assert report is not None
            stages.add(report.stage.partition(" ")[0])
            return report.state != "running"

        wait_until(ended, "its end")

    report = runner.report(job.id)
    assert report is not None
    assert report.state == "done", report.lines
    assert "asking" in stages
    figures = json.loads((folder / f"{report.result}.json").read_text())
    assert (figures["leader"], [row["delay_s"] for row in figures["delays"]]) == (leader, [2.0, 5.0, 30.0])
    page = desk.get(f"/reports/{report.result}").text
    assert figures["title"] in page
    assert report.result in desk.get("/reports").text
