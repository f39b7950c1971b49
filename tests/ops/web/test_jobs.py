"""Jobs: only what is on the list, with words that were checked, as processes of their own."""

import subprocess
from pathlib import Path

import pytest

from ops.web.jobs import allowed_jobs
from ops.web.jobs.allowed_jobs import AllowedJob
from ops.web.jobs.job_runner import MOST_RUNNING, JobReport, JobRunner, _RunningJob
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.redis.followed_leaders import followed_leaders
from tests.buyer.builders import LEADER
from tests.ops.web.web_rig import WebRig, problem
from tests.waiting import wait_until

CLOCK = SystemClock()


def sleeping(*_: object) -> subprocess.Popen[str]:
    return subprocess.Popen(["sleep", "60"], text=True)


@pytest.fixture
def runner() -> JobRunner:
    return JobRunner({}, CLOCK)


def ended(runner: JobRunner, job: JobReport) -> JobReport:
    wait_until(lambda: (found := runner.report(job.id)) is not None and found.state != "running")
    found = runner.report(job.id)
    assert found is not None
    return found


@pytest.mark.process
def test_a_job_tells_its_stage_and_keeps_its_lines_without_secrets(runner: JobRunner) -> None:
    job = AllowedJob("a help text", ("ops.cli", "follow", "--help"))

    report = ended(runner, runner.start(job, "web:anna"))

    assert (report.state, report.stage, report.who) == ("done", "ended", "web:anna")
    assert any("--offline" in line for line in report.lines)


def test_a_line_of_progress_moves_the_stage_and_another_is_kept(runner: JobRunner) -> None:
    running = _RunningJob(JobReport("1", "x", "web:anna", 0), None)  # type: ignore[arg-type] - no process is asked
    for line in ('{"stage": "asking", "done": 2, "of": 5}', "a note", '{"stage"', '{"stage": "w", "result": "r"}'):
        runner._take_line(running, line)

    assert (running.report.stage, running.report.done, running.report.of, running.report.result) == ("w", 0, 0, "r")
    assert running.report.lines == ("a note", '{"stage"')


@pytest.mark.process
def test_no_more_run_at_once_than_may_and_the_end_ends_them(runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JobRunner, "_spawn", sleeping)
    job = AllowedJob("sleep", ())
    started = [runner.start(job, "web:anna") for _ in range(MOST_RUNNING)]

    with pytest.raises(RefusedForSafety, match="2 jobs run already"):
        runner.start(job, "web:anna")
    runner.end()

    assert [ended(runner, each).state for each in started] == ["failed", "failed"]


@pytest.mark.parametrize("days", ["", "0", "-1", "1e9", "nan", "inf", "7; rm -rf /", "\x00"])
def test_days_that_are_none_start_nothing(days: str) -> None:
    with pytest.raises(BadConfig, match="a number from"):
        allowed_jobs.wallet_report(LEADER, days, Path("x"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("shadow", "list", "", ""), "--mode shadow: give paper or live"),
        (("paper", "steal", "", "x"), "steal: give list, close, cash or wallet"),
        (("paper", "close", "", "x"), "--close: name an order or intent"),
        (("paper", "cash", "", " "), "say why, with --why"),
    ],
)
def test_reconcile_asks_for_what_it_needs(given: tuple[str, str, str, str], says: str) -> None:
    with pytest.raises(BadConfig, match=says):
        allowed_jobs.reconcile(*given)


def test_a_name_that_looks_like_a_flag_stays_a_value() -> None:
    job = allowed_jobs.reconcile("paper", "close", "--wallet", "--yes")

    assert job.words[-2:] == ("--close=--wallet", "--why=--yes")


@pytest.mark.server
@pytest.mark.process
def test_pasted_wallets_are_followed_once_in_the_name_of_who_pasted_them(desk: WebRig) -> None:
    other = "0x" + "b2" * 20
    form = desk.form("/leaders", "/leaders/follow") | {
        "wallets": f"{LEADER},\n{other} {LEADER}",
        "label": "",
        "offline": "1",
    }

    first, second = (desk.send("/leaders/follow", form) for _ in range(2))

    assert first.headers["location"] == second.headers["location"]
    name = first.headers["location"].rpartition("/")[2]
    report = ended(desk.parts.jobs, desk.parts.jobs.report(name))  # type: ignore[arg-type] - it was started
    assert report.state == "done", report.lines
    assert {address: (row.label, row.by) for address, row in followed_leaders(desk.redis).items()} == {
        LEADER: ("", "web:anna"),
        other: ("", "web:anna"),
    }
    assert "is followed" in desk.get(first.headers["location"]).text


@pytest.mark.server
def test_a_job_or_report_that_is_not_there_is_said(desk: WebRig) -> None:
    assert problem(desk.get("/jobs/x")) == "x: no such job; those of before a restart are forgotten"
    assert desk.get("/reports/..%2f..%2fsession.key").status_code in {400, 404}
    assert problem(desk.get("/reports/x")) == "x: no such report; /reports lists them"
