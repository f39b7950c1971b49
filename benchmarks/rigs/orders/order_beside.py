"""What a live order costs: CPU of `python -m buyer` and of the server, of this tree and of another, in turns.

Venue, signals and server are this tree's for both. Signals come one by one; where seconds are asked for, then at a
steady rate.
"""

import contextlib
import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.rigs.beside import NOW, THEN, trees
from benchmarks.rigs.order_rig import Trading, trading
from benchmarks.rigs.orders.order_load import drained, go_first, latencies, p99, sustained
from benchmarks.rigs.orders.order_program import Program, group_of
from benchmarks.rigs.processes import cpu_s
from shared.messages.base import SIGNALS

WARM_UP, ROUND = 40, 40
COSTS = ("buyer_cpu_ms", "server_cpu_ms", "p50_ms", "p99_ms")


@dataclass(frozen=True)
class Asked:
    """What is measured: signals one by one, then so many a second for so long."""

    beside: str
    signals: int
    rate: float
    seconds: float
    recording: bool


class Running:
    """A world of its own for one tree's buyer, and what its orders took so far."""

    def __init__(self, world: Trading, program: Program, group: str) -> None:
        self._world, self._program, self._group = world, program, group
        self._waits: list[float] = []
        self._cpu_s = [0.0, 0.0]

    def warm_up(self) -> None:
        """Wait until the buyer reads, and let it trade a little."""
        self._program.wait_for(self._world, {self._group})
        latencies(self._world, SIGNALS, self._group, WARM_UP, "warm")

    def add_round(self, number: int) -> None:
        """Let some signals come one by one."""
        before = self._spent()
        found = latencies(self._world, SIGNALS, self._group, ROUND, f"round {number}")
        self._cpu_s = [sum_s + now - then for sum_s, then, now in zip(self._cpu_s, before, self._spent(), strict=True)]
        self._waits += [there - then for then, there in found]

    def costs(self) -> dict[str, float]:
        """Return what an order of the rounds took."""
        waits = {"p50_ms": round(median(self._waits), 3), "p99_ms": round(p99(self._waits), 3)}
        return _each(self._cpu_s, len(self._waits)) | waits

    def steady(self, asked: Asked) -> dict[str, Any]:
        """Let signals come at a steady rate; return how it kept up, and what an order took."""
        before = self._spent()
        found = sustained(self._world, asked.rate, asked.seconds, self._group)
        drained(self._world, SIGNALS, self._group, 60)
        took = [now - then for then, now in zip(before, self._spent(), strict=True)]
        return found | _each(took, max(1, found["orders"]))

    def _spent(self) -> tuple[float, float]:
        return cpu_s(self._program.process.pid), cpu_s(self._world.server.pid)


def compare(asked: Asked) -> int:
    """Measure and print; the last line is one JSON object."""
    with contextlib.ExitStack() as ends:
        places = ends.enter_context(trees(asked.beside))
        worlds = {name: ends.enter_context(_running(tree, asked)) for name, tree in places.items()}
        for running in worlds.values():
            running.warm_up()
        go_first()
        for number in range(max(1, asked.signals // ROUND)):
            for running in list(worlds.values())[:: 1 if number % 2 == 0 else -1]:
                running.add_round(number)
        rows = {name: running.costs() for name, running in worlds.items()}
        steady = {name: running.steady(asked) if asked.seconds else {} for name, running in worlds.items()}
    _report(asked, rows, steady)
    return 0


@contextlib.contextmanager
def _running(tree: Path, asked: Asked) -> Generator[Running]:
    """Run venue, server and a tree's buyer while the block runs."""
    with trading() as world, world.recording() if asked.recording else contextlib.nullcontext():
        program = Program(world, "buyer", ["buyer"], tree=tree)
        try:
            yield Running(world, program, group_of(tree))
        finally:
            program.kill()


def _each(cpu: Sequence[float], orders: int) -> dict[str, float]:
    return {name: round(1000 * spent_s / orders, 3) for name, spent_s in zip(COSTS, cpu, strict=False)}


def _report(asked: Asked, rows: dict[str, dict[str, float]], steady: dict[str, dict[str, Any]]) -> None:
    shares = {cost: round(rows[NOW][cost] / rows[THEN][cost], 3) for cost in COSTS} if THEN in rows else {}
    venue = "only records" if asked.recording else "judges"
    print(f"an order, signals one by one, in rounds of {ROUND} by turns; the venue {venue}")
    print(f"  {'':<16}" + "".join(f"{name:>10}" for name in rows) + f"{'now/then':>10}")
    for cost in COSTS:
        print(
            f"  {cost:<16}" + "".join(f"{row[cost]:>10.2f}" for row in rows.values()) + f"{shares.get(cost, '-'):>10}"
        )
    for name, found in steady.items():
        if found:
            print(f"\nsteady rate, {name}")
            print("\n".join(f"  {what:<22}{value!s:>10}" for what, value in found.items()))
    facts = {"benchmark": "order_path", "beside": asked.beside, "recording_venue": asked.recording}
    print(json.dumps({**facts, "costs": rows, "now_to_then": shares, "steady": steady}))
