"""`hybrid sweep`: try many settings on one history, here or on every machine with a worker; go on where it stopped."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from backtest import outputs, settings
from backtest.report import figures
from backtest.sweep.plan import Settings, SweepAxis, grid, named, read_axis, read_setting, sample
from backtest.sweep.trial import TrialScore, TrialSpec, code_id, history_id, limits, run_trial, trial_id
from buyer.strategy.limits import LIMIT_NAMES
from ops.recording.capture import stop_on_signals
from ops.research import sweep_jobs, sweep_view
from ops.research.sweep_jobs import SweepJobs
from shared.clock import Clock, SystemClock
from shared.domain.errors import BadConfig
from shared.process import outlet
from shared.redis.client import connect_redis
from shared.terminal import Terminal

LOOK_S = 0.2
OFFER_EVERY_S = 5.0
Told = Callable[[int], None]


@dataclass(frozen=True)
class SettingsSweep:
    """What is tried: the axes, and each try by its name."""

    spec: TrialSpec
    axes: tuple[SweepAxis, ...]
    tries: dict[str, Settings]


def plan(
    files: Sequence[Path],
    resolved: Sequence[Path],
    vary: Sequence[str],
    fixed: Sequence[str],
    *,
    random: int,
    seed: int,
) -> SettingsSweep:
    """Return what to try.

    Raises:
        BadConfig: a setting or file that is none, or nothing to vary.
    """
    axes = tuple(read_axis(text) for text in vary)
    if not axes:
        raise BadConfig("--vary: nothing to vary; give --vary stake_usdc=1,5,20, again for more settings")
    if len({axis.name for axis in axes}) < len(axes):
        raise BadConfig("--vary: one setting is varied twice; give all its values at once")
    spec = _spec(files, resolved, dict(map(read_setting, fixed)))
    axes = tuple(_with_contents(spec, axis) for axis in axes)
    wanted = sample(axes, random, seed) if random else grid(axes)
    for varied in _first_of_each(wanted):
        limits(spec, varied)
    return SettingsSweep(spec, axes, {trial_id(spec, varied): varied for varied in wanted})


def _with_contents(spec: TrialSpec, axis: SweepAxis) -> SweepAxis:
    """Take files of leaders' own limits for their contents: a try's name must say what it was decided by."""
    if axis.name != "leader_limits":
        return axis
    return replace(axis, values=tuple(limits(spec, {axis.name: value}).leader_limits for value in axis.values))


def _first_of_each(tries: Sequence[Settings]) -> Iterator[Settings]:
    """Yield the first try with each value: a wrong one is said before the first try is run."""
    seen: set[tuple[str, str]] = set()
    for varied in tries:
        if not seen.issuperset(varied.items()):
            seen.update(varied.items())
            yield varied


def _spec(files: Sequence[Path], resolved: Sequence[Path], fixed: Settings) -> TrialSpec:
    history = history_id(files, resolved)
    changes = {name: value for name, value in fixed.items() if name in LIMIT_NAMES}
    found = settings.decided_settings(settings.open_captures(files), changes)
    return TrialSpec(
        files=tuple(str(path.resolve()) for path in files),
        resolved=tuple(str(path.resolve()) for path in resolved),
        history=history,
        fixed=fixed,
        limits=found.limits,
        bankroll=settings.read_amount("bankroll", fixed["bankroll"]) if "bankroll" in fixed else found.bankroll,
        code=code_id(),
    )


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
                scores = run_there(sweep, SweepJobs(redis, sweep.spec), clock, stop, told, said)
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


def run_here(
    sweep: SettingsSweep,
    store: Path,
    stop: threading.Event,
    told: Told,
    run: Callable[[TrialSpec, Settings], TrialScore] = run_trial,
) -> dict[str, TrialScore]:
    """Run tries one after the other in this process; scores are appended to a file and not computed again."""
    path = store / f"{sweep.spec.history}.jsonl"
    scores = {name: score for name, score in _stored(path).items() if name in sweep.tries}
    path.parent.mkdir(parents=True, exist_ok=True)
    told(len(scores))
    with path.open("a", encoding="utf-8") as out:
        for name, varied in sweep.tries.items():
            if stop.is_set():
                break
            if name not in scores:
                scores[name] = run(sweep.spec, varied)
                out.write(scores[name].model_dump_json() + "\n")
                out.flush()
                told(len(scores))
    return {name: scores[name] for name in sweep.tries if name in scores}


def run_there(
    sweep: SettingsSweep,
    tries: SweepJobs,
    clock: Clock,
    stop: threading.Event,
    told: Told,
    said: Console | None = None,
    offer_every_s: float = OFFER_EVERY_S,
) -> dict[str, TrialScore]:
    """Have workers run what is not known yet; what a dead worker took with it is offered again.

    Raises:
        BadConfig: a try failed.
        Unavailable: the server is away; the same call goes on later.
    """
    names = list(sweep.tries)
    _, failed = sweep_jobs.read(tries.known(names))
    if failed:
        tries.forget(list(failed))
    scores: dict[str, TrialScore] = {}
    next_offer = clock.monotonic()
    while True:
        fresh, failed = sweep_jobs.read(tries.known([name for name in names if name not in scores]))
        scores |= fresh
        told(len(scores))
        _check(failed)
        if len(scores) == len(names) or stop.is_set():
            return {name: scores[name] for name in names if name in scores}
        if clock.monotonic() >= next_offer:
            next_offer = clock.monotonic() + offer_every_s
            tries.offer({name: sweep.tries[name] for name in names if name not in scores})
            if said and not tries.workers():
                said.print("no worker is there: start `hybrid sweep-worker` here or on other machines, or use --here")
        clock.wait(stop, LOOK_S)


def worker(url: str) -> int:
    """Run tries for whoever asks until told to stop; return how many."""
    outlet.install_outlet()
    with connect_redis(url) as redis:
        return sweep_jobs.work(redis, stop_on_signals(), SystemClock())


def _check(failed: Mapping[str, Any]) -> None:
    for found in failed.values():
        raise BadConfig(f"{named(found['settings'])}: {found['error']}")


def _stored(path: Path) -> dict[str, TrialScore]:
    """Read scores; a last line that a crash cut short is left out."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole), encoding="utf-8")
    return {score.id: score for score in map(TrialScore.model_validate_json, whole)}


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
