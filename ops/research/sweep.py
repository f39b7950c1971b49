"""`hybrid sweep`: try many settings on one history, here or on every machine with a worker; go on where it stopped."""

import json
from collections.abc import Sequence
from pathlib import Path

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backtest import outputs
from backtest.report import figures
from ops.recording.capture import stop_on_signals
from ops.research import sweep_jobs, sweep_view
from ops.research.contents.published_files import PublishedFiles
from ops.research.contents.settings import SweepSettings
from ops.research.sweep_files import published_files, worker_histories
from ops.research.sweep_jobs import SweepJobs
from ops.research.sweep_plan import SettingsSweep
from ops.research.sweep_runs import Told, run_here, run_there
from shared.clock import SystemClock
from shared.config import parse
from shared.process import outlet
from shared.redis.client import connect_redis
from shared.terminal import Terminal


def main(
    sweep: SettingsSweep, url: str | None, store: Path, *, html: Path | None, as_json: bool, console: Console
) -> None:
    """Run what is not known yet, on the workers at `url` or here, and show the scores.

    Raises:
        BadConfig: a try failed, with its settings and the reason; or `html` cannot be written, said before the run.
        DependencyMissing: `html` is wanted and plotly is not installed; said before the run.
    """
    outputs.check_file("--html", html)
    if html:
        figures.plotly()
    stop, clock = stop_on_signals(), SystemClock()
    said = Terminal(stderr=True)
    with _progress(said, len(sweep.tries)) as told:
        if url is None:
            scores = run_here(sweep, store, stop, told)
        else:
            with connect_redis(url) as redis:
                tries, files = SweepJobs(redis, sweep.spec), _published(sweep, redis, store)
                said.print(files.words)
                scores = run_there(sweep, tries, files, clock, stop, told, said)
            if tries.again:
                said.print(
                    f"{tries.again} tries were offered again: a worker was lost with them, or a sweep before this"
                )
    if len(scores) < len(sweep.tries):
        said.print(f"stopped after {len(scores)} of {len(sweep.tries)} tries; the same command goes on from here")
    if not scores:
        return
    ranked = sweep_view.ranking(scores.values())
    if html:
        html.write_text(sweep_view.page(ranked, sweep.axes), encoding="utf-8")
    if as_json:
        console.out(json.dumps(sweep_view.figures(ranked)), highlight=False)
    else:
        console.print(sweep_view.shown(ranked, sweep.axes))


def worker(url: str, store: Path, have: Sequence[Path] = ()) -> int:
    """Run tries for whoever asks until told to stop; return how many.

    Raises:
        BadConfig: a setting has a wrong value, or one of `have` is not there.
    """
    outlet.install_outlet()
    stop, clock = stop_on_signals(), SystemClock()
    with connect_redis(url) as redis:
        cfg = parse(SweepSettings, [])
        histories = worker_histories(cfg, redis, store, have, clock=clock, stop=stop)
        return sweep_jobs.work(redis, histories, stop, clock)


def _published(sweep: SettingsSweep, redis: Redis, store: Path) -> PublishedFiles:
    files, resolved = [*map(Path, sweep.spec.files)], [*map(Path, sweep.spec.resolved)]
    return published_files(parse(SweepSettings, []), sweep.content, files, resolved, redis, store)


class _progress:  # noqa: N801 - a context manager used as a function
    """Show a bar on stderr."""

    def __init__(self, said: Console, total: int) -> None:
        self._bar = Progress(
            TextColumn("sweep"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=said, transient=True
        )
        self._task = self._bar.add_task("sweep", total=total)

    def __enter__(self) -> Told:
        self._bar.start()
        return lambda done: self._bar.update(self._task, completed=done)

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
