"""Captured histories lived again by the local venue, sped up: nothing missed, nothing doubled, exact to the micro-unit.

`python -m benchmarks.detect_real` serves wallets 1 to 4 (HYBRID_REAL_DATA, 188,635 rows of which 185,012 are trades) at
the density they were traded with, `--speed` times as fast, and holds the detector's signals against the simulator's own
record of its fills: that record is the truth. (The captured rows are a poller's log through floats; the simulator
rounds them to micro-units and settles them on its chain. Rows that stand twice in the log would be two fills; there are
none.) `--kills 10` kills the detector with -9 ten times on the way; `--faults` then runs a slice of the history once
for each fault of the simulator. The last line is JSON; the exit code is 1 when a bound does not hold.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.detect_faults import FAULTS, Trouble
from benchmarks.detect_history import cut, full
from benchmarks.detect_memory import measure_memory
from benchmarks.detect_rig import server
from benchmarks.detect_run import Plan, Run, live

HOME = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BASE_MB = 150.0
KB_A_FILL = 5.0
"""What a process may take: itself, and what the matcher remembers of each fill for 600 s (at these speeds: all)."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, judge; return the exit code."""
    asked = _parser().parse_args(argv)
    numbers = [int(number) for number in asked.wallets.split(",")]
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as name, server() as url:
        folder = Path(name)
        paths = full(asked.data, numbers)
        history = cut(paths, folder / "limited", asked.limit) if asked.limit else paths
        runs = {"plain": live(url, Plan(history, asked.speed))} if not asked.only_faults else {}
        if asked.kills and not asked.only_faults:
            part = history if asked.limit else cut(paths, folder / "kills", asked.kill_rows)
            runs["killed -9"] = live(url, Plan(part, asked.speed, kills=asked.kills))
        troubles: dict[str, Run] = {}
        if asked.faults or asked.only_faults:
            slice_ = cut(paths, folder / "slice", asked.fault_rows)
            chosen = [each for each in FAULTS if not asked.only_faults or each.name in asked.only_faults.split(",")]
            troubles = {each.name: _troubled(url, slice_, asked.fault_speed, each) for each in chosen}
        memory = measure_memory(history)
    console.print(_run_table({**runs, **troubles}))
    console.print(_memory_table(runs, memory))
    ok = _verdicts(runs, troubles, memory)
    report: dict[str, Any] = {name: run.figures() for name, run in runs.items()}
    faults = {name: run.figures() for name, run in troubles.items()}
    print(json.dumps({"speed": asked.speed, **report, "faults": faults, "memory": memory, "ok": ok}))
    return 0 if all(ok.values()) else 1


def _troubled(url: str, history: list[Path], speed: float, trouble: Trouble) -> Run:
    return live(url, Plan(history, speed, trouble=trouble))


def _verdicts(runs: dict[str, Run], troubles: dict[str, Run], memory: dict[str, Any]) -> dict[str, bool]:
    every = [*runs.values(), *troubles.values()]
    return {
        "missed_0": not any(run.verdict.missed for run in every),
        "doubled_0": not any(run.verdict.duplicated for run in every),
        "exact_to_the_micro_unit": not any(run.verdict.wrong for run in every),
        "reorganised_out_is_retracted": all(run.ghosts == run.retracted for run in every),
        "killed_as_often_as_asked": all(run.kills == run.asked_kills for run in every),
        "memory_flat_at_real_density": memory["growth_mb"] <= 5,
        "process_memory_is_what_it_remembers": all(_within(run) for run in every),
    }


def _within(run: Run) -> bool:
    return max(run.rss_mb, default=0) <= BASE_MB + run.verdict.fills * KB_A_FILL / 1024


def _run_table(runs: dict[str, Run]) -> Table:
    names = ("fills", "missed", "doubled", "wrong", "retracted", "kills", "delay p50", "p99", "worst", "took")
    table = Table("run", *names, title="What the leaders did against what was signalled (delays: our own, in s)")
    for name, run in runs.items():
        found = run.verdict
        counts = (found.fills, found.missed, found.duplicated, found.wrong, f"{run.retracted}/{run.ghosts}", run.kills)
        delays = (f"{run.delay_ms(percent) / 1000:.2f}" for percent in (50, 99, 100))
        table.add_row(name, *map(str, counts), *delays, f"{run.seconds:.0f} s")
    return table


def _memory_table(runs: dict[str, Run], memory: dict[str, Any]) -> Table:
    table = Table("memory", "MB over the run, in tenths", title="Resident memory")
    for name, run in runs.items():
        table.add_row(name, " ".join(f"{value:.0f}" for value in run.rss_tenths()))
    over = " ".join(f"{value:.1f}" for value in memory["mb"])
    table.add_row(f"matcher, real time ({memory['hours']:.0f} h, {memory['most_keys']} keys at most)", over)
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--speed", type=float, default=300.0, help="times as fast as it happened (300)")
    add("--wallets", default="1,2,3,4", help="which histories (1,2,3,4)")
    add("--limit", type=int, default=0, help="only so many rows, from the middle (0: all)")
    add("--kills", type=int, default=0, help="kill the detector with -9 so often, in a run of its own")
    add("--kill-rows", type=int, default=40_000, help="rows of that run when there is no --limit (40000)")
    add("--faults", action="store_true", help="then each fault of the simulator in turn")
    add("--only-faults", default="", help="nothing but these faults, by name")
    add("--fault-rows", type=int, default=1_500, help="rows of each fault's run (1500)")
    add("--fault-speed", type=float, default=100.0, help="times as fast in the faults' runs (100)")
    data = Path(os.environ.get("HYBRID_REAL_DATA", HOME))
    add("--data", type=Path, default=data, help="folder of the captured data (HYBRID_REAL_DATA)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
