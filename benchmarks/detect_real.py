"""Captured histories lived again by the local venue, sped up: nothing missed, nothing doubled, exact to the micro-unit.

`python -m benchmarks.detect_real` serves wallets 1 to 4 (HYBRID_REAL_DATA, 188,635 rows of which 185,012 are trades) at
the density they were traded with, sped up, and holds the detector's signals against the simulator's own record of its
fills: that record is the truth. (The captured rows are a poller's log through floats; the simulator rounds them to
micro-units and settles them on its chain. Rows that stand twice in the log would be two fills; there are none.) Then
comes a stretch of it with the detector killed -9 ten times at random; the same with all five sources, for each order in
which they show fills, while pending matches fail or are sent again; then a short run for each fault of the simulator,
three at a time. All of it takes about 12 minutes on two idle cores, most of that the history (23.6 hours / --speed);
each option says what it costs. Progress goes to stderr, the last line is JSON, the exit code is 1 when a bound does not
hold.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rigs.detect_faults import FAULTS, KILLED, TAKEN_BACK, Trouble
from benchmarks.rigs.detect_history import cut, full
from benchmarks.rigs.detect_memory import measure_memory
from benchmarks.rigs.detect_rig import server
from benchmarks.rigs.detect_run import Plan, Run, live
from simulator.command_line import HidingParser

HOME = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
BASE_MB = 150.0
KB_A_FILL = 2.0
"""What a process may take: itself, and what the matcher remembers of each fill for 600 s (at these speeds: all)."""
AT_ONCE = 3
LEAD_S = 8.0
"""Seconds that a detector has to start before the trades of a short run."""
ORDER_SPEED = 10.0
"""Slow enough for a detector to start, and to signal, between two kills."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print, judge; return the exit code."""
    asked = _parser().parse_args(argv)
    console = Console(width=130)
    with tempfile.TemporaryDirectory() as name:
        paths = full(asked.data, [int(number) for number in asked.wallets.split(",")])
        runs = {} if asked.only_faults or asked.only_orders else _whole_and_killed(asked, paths, Path(name))
        runs |= {} if asked.only_faults else _killed_in_orders(asked, paths, Path(name))
        troubles = _troubles(asked, paths, Path(name))
        memory = measure_memory(cut(paths, Path(name) / "memory", asked.memory_rows))
    console.print(_run_table({**runs, **troubles}))
    console.print(_memory_table(runs, memory))
    ok = _verdicts(runs, troubles, memory)
    report: dict[str, Any] = {name: run.figures() for name, run in runs.items()}
    faults = {name: run.figures() for name, run in troubles.items()}
    print(json.dumps({"speed": asked.speed, **report, "faults": faults, "memory": memory, "ok": ok}))
    return 0 if all(ok.values()) else 1


def _whole_and_killed(asked: argparse.Namespace, paths: list[Path], folder: Path) -> dict[str, Run]:
    history = cut(paths, folder / "limited", asked.rows) if asked.rows else paths
    with server() as url:
        runs = {"plain": live(url, Plan(history, asked.speed))}
        if asked.kills:
            part = cut(
                paths, folder / "kills", min(asked.rows or asked.kill_rows, asked.kill_rows), LEAD_S * asked.kill_speed
            )
            plan = Plan(part, asked.kill_speed, kills=asked.kills, name="killed -9")
            runs[plan.name] = live(url, plan)
    return runs


def _killed_in_orders(asked: argparse.Namespace, paths: list[Path], folder: Path) -> dict[str, Run]:
    """Kill a detector with all five sources, whichever is the first to show fills; two such runs at a time."""
    part = cut(paths, folder / "orders", asked.order_rows, LEAD_S * ORDER_SPEED) if asked.order_rows else []

    def lived(name: str) -> Run:
        trouble, delays = KILLED[name]
        with server() as url:
            return live(url, Plan(part, ORDER_SPEED, asked.kills, trouble, f"{name}, killed", delays))

    names = [*KILLED] if part else []
    with ThreadPoolExecutor(2) as pool:
        return {f"{name}, killed": run for name, run in zip(names, pool.map(lived, names), strict=True)}


def _troubles(asked: argparse.Namespace, paths: list[Path], folder: Path) -> dict[str, Run]:
    """Live a slice with each fault, three at a time: such a run mostly waits."""
    only: list[str] = asked.only_faults.split(",") if asked.only_faults else []
    none = asked.no_faults or asked.only_orders
    chosen = [each for each in FAULTS if each.name in only or not (only or none)]
    slice_ = cut(paths, folder / "slice", asked.fault_rows, LEAD_S * asked.fault_speed)

    def troubled(trouble: Trouble) -> Run:
        with server() as url:
            return live(url, Plan(slice_, asked.fault_speed, trouble=trouble, name=trouble.name))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip((each.name for each in chosen), pool.map(troubled, chosen), strict=True))


def _verdicts(runs: dict[str, Run], troubles: dict[str, Run], memory: dict[str, Any]) -> dict[str, bool]:
    every = [*runs.values(), *troubles.values()]
    return {
        "missed_0": not any(run.verdict.missed for run in every),
        "doubled_0": not any(run.verdict.duplicated for run in every),
        "exact_to_the_micro_unit": not any(run.verdict.wrong for run in every),
        "reorganised_out_is_retracted": all(run.ghosts == run.retracted for run in every),
        "a_retraction_was_exercised": all(troubles[name].retracted > 0 for name in TAKEN_BACK if name in troubles),
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
    parser = HidingParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--speed", type=float, default=350.0, help="times as fast as it happened (350: 243 s; 100: 849 s)")
    add("--wallets", default="1,2,3,4", help="which histories (1,2,3,4)")
    add("--rows", type=int, default=0, help="only so many rows, from the middle (0: all; 6000: about 11 s)")
    add("--kills", type=int, default=10, help="kill the detector with -9 so often, in a run of its own (10; 0: none)")
    add("--kill-rows", type=int, default=20_000, help="rows of that run at most (20000: about 50 s)")
    add("--kill-speed", type=float, default=200.0, help="times as fast in that run (200)")
    add("--order-rows", type=int, default=1_000, help="rows of each run of five sources, killed (0: none; 1000: 4 min)")
    add("--only-orders", action="store_true", help="nothing but the runs of five sources, killed")
    add("--no-faults", action="store_true", help="leave out the faults (saves about 2.5 minutes)")
    add(
        "--only-faults",
        default="",
        help="nothing but these faults, by name, with commas (about 15 s each, three at a time)",
    )
    add("--fault-rows", type=int, default=400, help="rows of each fault's run (400: 5 s of history, 15 s in all)")
    add("--fault-speed", type=float, default=40.0, help="times as fast in the faults' runs (40)")
    add("--memory-rows", type=int, default=50_000, help="rows shown to the matcher at real density (50000: 20 s)")
    data = Path(os.environ.get("HYBRID_REAL_DATA", HOME))
    add("--data", type=Path, default=data, help="folder of the captured data (HYBRID_REAL_DATA)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
