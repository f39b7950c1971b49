"""Attacks on a live buyer at the local venue, with each protection and without it; the venue's record judges.

Each scenario runs twice, in a process of its own with a venue, a server and a funded wallet: as the product is, and
with the settings that switch the protection off. Lost is what cash and shares, at the fair value that the scenario
states, are worth less afterwards. Then the four captured histories say what each protection costs: signals that are no
longer followed, and the result with and without it. Exit code 1 where more is lost than the bound, or a run failed.

    python -m benchmarks.adversary [--only "stub bid"] [--jobs 5] [--data FOLDER] [--signals 0]
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rigs.adversary import run
from benchmarks.rigs.adversary.cost_table import cost_table, measure_costs
from benchmarks.rigs.adversary.run import Outcome
from benchmarks.rigs.adversary.scenario import Scenario
from benchmarks.rigs.adversary.scenarios import SCENARIOS
from benchmarks.rigs.order_rig import CLOCK
from shared.domain.money import micro_text, to_micro

Pair = tuple[Future[Outcome] | None, Future[Outcome] | None]
NOT_YET = "not protected yet"
WIDTH = 150


def main(argv: Sequence[str] | None = None) -> int:
    """Play, print, judge; return the exit code."""
    asked = _parser().parse_args(argv)
    chosen = [one for one in SCENARIOS if not asked.only or one.name in asked.only]
    started_at, console = CLOCK.monotonic(), Console(width=WIDTH)
    with _processes(asked.jobs, 1) as pool:
        started = [(scenario, _start(pool, scenario)) for scenario in chosen]
        found = [judged(scenario, *(one and one.result() for one in pair)) for scenario, pair in started]
    console.print(_table(found))
    with _processes(os.cpu_count() or 1) as pool:
        costs = measure_costs(pool, asked.data, asked.signals) if not asked.only else []
    console.print(cost_table(costs, asked.signals) if costs else "no costs: --only was given, or no history is there")
    holds = all(one["holds"] for one in found)
    seconds = round(CLOCK.monotonic() - started_at)
    print(
        json.dumps({"benchmark": "adversary", "scenarios": found, "costs": costs, "seconds": seconds, "holds": holds})
    )
    return 0 if holds else 1


def _processes(count: int, tasks: int | None = None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"), max_tasks_per_child=tasks)


def _start(pool: ProcessPoolExecutor, scenario: Scenario) -> Pair:
    without = pool.submit(run.play, scenario.name, run.WITHOUT) if scenario.has_switch else None
    return without, None if scenario.missing else pool.submit(run.play, scenario.name, run.WITH)


def judged(scenario: Scenario, without: Outcome | None, protected: Outcome | None) -> dict[str, Any]:
    """Return a row: what counts is the run with the protection, the one without where there is none yet."""
    counts = protected or without
    bound = to_micro(scenario.bound)
    return {
        "name": scenario.name,
        "pitfall": scenario.pitfall,
        "lost_without": without and _pusd(without.lost),
        "lost_with": protected and _pusd(protected.lost),
        "bound": scenario.bound,
        "bound_is": scenario.why,
        "not_protected_yet": scenario.missing,
        "decisions": counts.decisions if counts else {},
        "decisions_without": without.decisions if without else {},
        "told": counts.told if counts else (),
        "notes": counts.notes if counts else (),
        "failed": [one.failed for one in (without, protected) if one and one.failed],
        "seconds": [one.seconds for one in (without, protected) if one],
        "holds": counts is not None and counts.lost is not None and counts.lost <= bound and not scenario.missing,
    }


def _pusd(micro: int | None) -> str:
    return "?" if micro is None else micro_text(micro)


def _table(found: Sequence[dict[str, Any]]) -> Table:
    table = Table("scenario", "pitfall", "lost without", "lost with", "bound", "decisions with it", "holds")
    for one in found:
        said = one["failed"] or [f"{name} x{count}" for name, count in one["decisions"].items()]
        lost_with = NOT_YET if one["not_protected_yet"] else one["lost_with"]
        without = one["lost_without"] or "no switch"
        holds = "yes" if one["holds"] else "NO"
        bound = f"{one['bound']} ({one['bound_is']})"
        table.add_row(one["name"], str(one["pitfall"]), without, lost_with, bound, "\n".join(said), holds)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adversary", description=__doc__)
    parser.add_argument("--only", action="append", help="play this scenario alone; again for more")
    parser.add_argument("--jobs", type=int, default=5, help="runs at a time: they mostly wait")
    data = Path(os.environ.get("HYBRID_REAL_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=data, help="folder of the captured data (HYBRID_REAL_DATA)")
    parser.add_argument("--signals", type=int, default=15_000, help="of each history the first so many; 0: all")
    return parser


if __name__ == "__main__":
    sys.exit(main())
