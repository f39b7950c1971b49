"""Commands as processes of their own: what takes long, or holds much, is no part of the dashboard's process."""

import json
import secrets
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ops.web.jobs.allowed_jobs import AllowedJob
from ops.web.jobs.asked_command import start_behind
from shared.clock import Clock
from shared.domain.errors import RefusedForSafety
from shared.domain.redaction import redact_secrets

JobState = Literal["running", "done", "failed"]
MOST_RUNNING = 2
MOST_KEPT = 50
_MOST_LINES = 400
_END_S = 3.0


@dataclass(frozen=True)
class JobReport:
    """How a job stands: its stage with `done` of `of` steps (0 of nobody knows), and the lines it wrote."""

    id: str
    title: str
    who: str
    began_ms: int
    state: JobState = "running"
    stage: str = "starting"
    done: int = 0
    of: int = 0
    ended_ms: int | None = None
    lines: tuple[str, ...] = ()
    result: str = ""


@dataclass
class _RunningJob:
    report: JobReport
    process: subprocess.Popen[str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))


class JobRunner:
    """Runs a few at once, and keeps what became of the last ones."""

    def __init__(self, environment: Mapping[str, str], clock: Clock) -> None:
        self._environment, self._clock = environment, clock
        self._jobs: dict[str, _RunningJob] = {}
        self._starting = threading.Lock()

    def start(self, job: AllowedJob, who: str) -> JobReport:
        """Start a job.

        Raises:
            RefusedForSafety: as many run as may.
        """
        with self._starting:
            if sum(report.state == "running" for report in self.reports()) >= MOST_RUNNING:
                raise RefusedForSafety(f"{MOST_RUNNING} jobs run already: wait until one has ended")
            report = JobReport(secrets.token_hex(8), job.title, who, self._clock.now_ms())
            running = _RunningJob(report, self._spawn(job.words, who))
            self._jobs[report.id] = running
            self._forget_old()
        threading.Thread(target=self._read, args=(running,), name="web-job", daemon=True).start()
        return report

    def report(self, name: str) -> JobReport | None:
        """Return how a job stands; None of one that is not known any more."""
        running = self._jobs.get(name)
        return running.report if running else None

    def reports(self) -> list[JobReport]:
        """Return all that are known, the newest first."""
        return [running.report for running in reversed(list(self._jobs.values()))]

    def end(self) -> None:
        """End what still runs: each command is safe to run again."""
        left = [running.process for running in list(self._jobs.values()) if running.process.poll() is None]
        for process in left:
            process.terminate()
        for process in left:
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()

    def _forget_old(self) -> None:
        for old in list(self._jobs)[:-MOST_KEPT]:
            if self._jobs[old].report.state != "running":
                del self._jobs[old]

    def _spawn(self, words: Sequence[str], who: str) -> subprocess.Popen[str]:
        named = {"LOGNAME": who}  # whom the record names
        return start_behind(words, {**self._environment, **named}, errors=subprocess.STDOUT)

    def _read(self, running: _RunningJob) -> None:
        with running.process as process:
            for line in process.stdout or ():
                self._take_line(running, line.rstrip("\n"))
        code = process.returncode
        state: JobState = "failed" if code else "done"
        stage = f"ended with {code}" if code else "ended"
        running.report = replace(running.report, state=state, stage=stage, ended_ms=self._clock.now_ms())

    def _take_line(self, running: _RunningJob, line: str) -> None:
        told = _progress(line)
        if told is None:
            running.lines.append(str(redact_secrets(line)))
            running.report = replace(running.report, lines=tuple(running.lines))
            return
        stage, done, of, result = told
        running.report = replace(running.report, stage=stage, done=done, of=of, result=result or running.report.result)


def _progress(line: str) -> tuple[str, int, int, str] | None:
    """Return the stage that a line tells of; None of any other line."""
    if not line.startswith('{"stage"'):
        return None
    try:
        told = json.loads(line)
        return str(told["stage"]), int(told.get("done", 0)), int(told.get("of", 0)), str(told.get("result", ""))
    except (ValueError, KeyError, TypeError):
        return None
