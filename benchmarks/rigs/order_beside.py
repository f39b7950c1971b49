"""What a live order costs: CPU of `python -m buyer` and of the server, of this tree and of another, in turns.

Venue, signals and server are this tree's for both. Signals come one by one; where seconds are asked for, then at a
steady rate.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rigs.beside import NOW, THEN, in_turns, trees
from benchmarks.rigs.order_load import drained, go_first, latencies, p99, sustained
from benchmarks.rigs.order_program import Program
from benchmarks.rigs.order_rig import Trading, trading
from benchmarks.rigs.processes import cpu_s
from buyer.domain.token_shard import GROUP
from shared.messages.base import SIGNALS

WARM_UP = 40
COSTS = ("buyer_cpu_ms", "server_cpu_ms", "p50_ms", "p99_ms")


@dataclass(frozen=True)
class Asked:
    """What is measured, and how often."""

    beside: str
    runs: int
    signals: int
    rate: float
    seconds: float
    recording: bool


def compare(asked: Asked) -> int:
    """Measure and print; the last line is one JSON object."""
    go_first()
    with trees(asked.beside) as places:
        made = in_turns(places, asked.runs, lambda tree: _measured(tree, asked))
    rows = {name: {cost: min(run[cost] for run in found) for cost in COSTS} for name, found in made.items()}
    shares = {cost: round(rows[NOW][cost] / rows[THEN][cost], 3) for cost in COSTS} if THEN in rows else {}
    venue = "only records" if asked.recording else "judges"
    print(f"one order of {asked.signals}, one by one, the venue {venue}; the least of {asked.runs} runs each")
    print(f"  {'':<16}" + "".join(f"{name:>10}" for name in rows) + f"{'now/then':>10}")
    for cost in COSTS:
        print(
            f"  {cost:<16}" + "".join(f"{row[cost]:>10.2f}" for row in rows.values()) + f"{shares.get(cost, '-'):>10}"
        )
    for name, found in made.items():
        for run in found:
            print(f"steady rate, {name}: {run['steady']}") if run["steady"] else None
    facts = {"benchmark": "order_path", "beside": asked.beside, "recording_venue": asked.recording}
    print(json.dumps({**facts, "costs": rows, "now_to_then": shares, "runs": made}))
    return 0


def _measured(tree: Path, asked: Asked) -> dict[str, Any]:
    """Run a world of its own for one tree's buyer."""
    with trading() as world, world.recording() if asked.recording else contextlib.nullcontext():
        program = Program(world, "buyer", ["buyer"], tree=tree)
        try:
            program.wait_for(world, {GROUP})
            latencies(world, SIGNALS, GROUP, WARM_UP, "warm")
            costs = _one_by_one(world, program, asked.signals)
            return costs | {"steady": _steady(world, program, asked) if asked.seconds else {}}
        finally:
            program.kill()


def _one_by_one(world: Trading, program: Program, signals: int) -> dict[str, float]:
    before = _spent(world, program)
    found = latencies(world, SIGNALS, GROUP, signals, "one")
    waits = [there - then for then, there in found]
    costs = _costs(before, _spent(world, program), signals)
    return costs | {"p50_ms": round(median(waits), 3), "p99_ms": round(p99(waits), 3)}


def _steady(world: Trading, program: Program, asked: Asked) -> dict[str, Any]:
    before = _spent(world, program)
    found = sustained(world, asked.rate, asked.seconds)
    drained(world, SIGNALS, GROUP, 60)
    return found | _costs(before, _spent(world, program), found["signals"])


def _spent(world: Trading, program: Program) -> tuple[float, float]:
    return cpu_s(program.process.pid), cpu_s(world.server.pid)


def _costs(before: tuple[float, float], after: tuple[float, float], orders: int) -> dict[str, float]:
    buyer, server = (round(1000 * (now - then) / orders, 3) for then, now in zip(before, after, strict=True))
    return {"buyer_cpu_ms": buyer, "server_cpu_ms": server}
