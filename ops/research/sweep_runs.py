"""Runs of a sweep's tries, in this process or on workers: only what is not known yet is run."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from backtest.sweep.plan import Settings, named
from backtest.sweep.trial import TrialScore, TrialSpec, run_trial
from ops.research import sweep_jobs
from ops.research.contents.published_files import PublishedFiles
from ops.research.sweep_jobs import SweepJobs
from ops.research.sweep_plan import SettingsSweep
from shared.clock import Clock
from shared.domain.errors import BadConfig, HybridError

LOOK_S = 0.2
OFFER_EVERY_S = 5.0
Told = Callable[[int], None]


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
    files: PublishedFiles,
    clock: Clock,
    stop: threading.Event,
    told: Told,
    said: Console | None = None,
    offer_every_s: float = OFFER_EVERY_S,
) -> dict[str, TrialScore]:
    """Have workers run what is not known yet; what a dead worker took with it is offered again.

    The files are offered as long as this runs.

    Raises:
        BadConfig: a try failed.
        Unavailable: the server is away; the same call goes on later.
    """
    try:
        return _gather(sweep, tries, files, clock, stop, told, said, offer_every_s)
    finally:
        with suppress(HybridError):  # the server is away: what is left there ends by itself
            files.remove()


def _gather(
    sweep: SettingsSweep,
    tries: SweepJobs,
    files: PublishedFiles,
    clock: Clock,
    stop: threading.Event,
    told: Told,
    said: Console | None,
    offer_every_s: float,
) -> dict[str, TrialScore]:
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
            files.keep()
            tries.offer({name: sweep.tries[name] for name in names if name not in scores})
            if said and not tries.workers():
                said.print("no worker is there: start `hybrid sweep-worker` here or on other machines, or use --here")
        clock.wait(stop, LOOK_S)


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
