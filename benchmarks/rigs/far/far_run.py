"""What one tree's programs do with a server that is far away: a signal by itself, many at once, many to skip."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from msgspec.structs import replace

from benchmarks.rigs.beside import HERE, environment
from benchmarks.rigs.far.far_server import FarServer, far_server
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading, trading
from benchmarks.rigs.orders.order_load import all_arrived
from benchmarks.rigs.orders.order_program import Program, group_of
from buyer.domain.token_shard import GROUP as PAPER_GROUP
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.streams import group_backlog, stream_tail

PAPER = {"LIVE": "false", "DRY_RUN": "true", "PAPER_BANKROLL_USDC": "90000000", "PAPER_LATENCY_S": "0.05"}
WARM_UP, ALONE, LONGEST_S, LOOK_S = 16, 24, 90.0, 0.05
REST_S = 0.25
"""So long a buyer has nothing to do before the next signal comes alone."""
PUBLISHING = Path(__file__).with_name("far_publishing.py")
OLD_MS = 3_600_000


class FarBuyer:
    """A tree's buyer, and a server between which the way is long."""

    def __init__(self, world: Trading, server: FarServer, tree: Path, *, paper: bool) -> None:
        self._world, self._server, self._paper = world, server, paper
        self._group = PAPER_GROUP if paper else group_of(tree)
        self._number = 0
        world.far_url, world.changes = server.url, PAPER if paper else {}
        self.program = Program(world, "buyer", ["buyer"], tree=tree)
        self.program.wait_for(world, {self._group})
        self.at_once(WARM_UP, world.tokens)
        world.arrivals()

    def alone(self) -> dict[str, float]:
        """Let signals come one by one; return how long each took, and the round trips of all that it brings about."""
        before, waits = self._server.made(), list[float]()
        for _ in range(ALONE):
            (signal,) = self._signals(1, self._world.tokens)
            told = self._append([signal])
            waits += [there - told for there in all_arrived(self._world, 1)]
            self._drain()
            CLOCK.wait(NEVER, REST_S)
        trips, sent = (now - then for now, then in zip(self._server.made(), before, strict=True))
        return {
            "p50_ms": round(median(waits), 1),
            "trips_each": round(trips / ALONE, 1),
            "kb_each": round(sent / ALONE / 1000, 2),
        }

    def at_once(self, count: int, tokens: tuple[str, ...], *, old: bool = False) -> dict[str, float]:
        """Let many come at once; return how many a second were decided for good, and the round trips of each."""
        before = self._server.made()
        told = self._append(self._signals(count, tokens, old=old))
        self._drain()
        (newest,) = stream_tail(self._world.redis, DECISIONS, 1)
        trips = self._server.made()[0] - before[0]
        took_s = max(0.001, (float(newest.id.partition("-")[0]) - told) / 1000)
        return {"per_s": round(count / took_s, 1), "trips_each": round(trips / count, 2)}

    def _signals(self, count: int, tokens: tuple[str, ...], *, old: bool = False) -> list[ActionableSignal]:
        made: list[ActionableSignal] = []
        for _ in range(count):
            self._number += 1
            signal = self._world.signal(self._number, tokens[self._number % len(tokens)], run="far")
            made.append(replace(signal, traded_at_ms=signal.traded_at_ms - OLD_MS) if old else signal)
        return made

    def _append(self, signals: list[ActionableSignal]) -> float:
        """Append them beside the server; return when the server had the first, by its own clock."""
        with self._world.redis.pipeline(transaction=False) as together:
            for event in signals:
                together.xadd(SIGNALS, {"event": event.event, "json": write_event(event)})
            first, *_ = together.execute()
        return float(str(first).partition("-")[0])

    def _drain(self) -> None:
        until = CLOCK.monotonic() + LONGEST_S
        while any(group_backlog(self._world.redis, SIGNALS, self._group)):
            if CLOCK.monotonic() > until:
                raise SystemExit(f"signals are left after {LONGEST_S:.0f} s")
            CLOCK.wait(NEVER, LOOK_S)


def live(tree: Path, each_way_ms: float, count: int) -> dict[str, float]:
    """Trade live at a venue that only records."""
    with _buyer(tree, each_way_ms, paper=False) as (world, buyer):
        alone, several = buyer.alone(), buyer.at_once(count, world.tokens)
        one = buyer.at_once(count, world.tokens[:1])
        skipped = buyer.at_once(count, world.tokens, old=True)
    return {
        "p50_ms": alone["p50_ms"],
        "trips_a_signal": alone["trips_each"],
        "kb_an_order": alone["kb_each"],
        "orders_per_s": several["per_s"],
        "one_token_per_s": one["per_s"],
        "skips_per_s": skipped["per_s"],
        "trips_a_skip": skipped["trips_each"],
    }


def paper(tree: Path, each_way_ms: float, count: int) -> dict[str, float]:
    """Trade on paper."""
    with _buyer(tree, each_way_ms, paper=True) as (world, buyer):
        return {"paper_per_s": buyer.at_once(count, world.tokens)["per_s"]}


def publishing(tree: Path, each_way_ms: float, count: int) -> dict[str, float]:
    """Publish what a source shows at once."""
    words = [sys.executable, "-P", str(PUBLISHING)]
    with trading() as world, far_server(world.server, each_way_ms) as server:
        told = environment(tree, **{DIE_WITH_PARENT: str(os.getpid())})
        asked = [*words, server.url, str(count), "1"]
        with subprocess.Popen(
            asked, cwd=tree, env=told, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None and process.stdin is not None  # noqa: S101, PT018 - both were asked for
            if process.stdout.readline() != "ready\n":
                raise SystemExit("the publisher did not start")
            before = server.made()[0]
            process.stdin.write("\n")
            process.stdin.flush()
            took: Mapping[str, float] = json.loads(process.stdout.readline())
            trips = server.made()[0] - before
    return {"published_per_s": round(count / took["seconds"], 1), "trips_published": round(trips / count, 2)}


PARTS: tuple[Callable[[Path, float, int], dict[str, float]], ...] = (live, paper, publishing)


@contextlib.contextmanager
def _buyer(tree: Path, each_way_ms: float, *, paper: bool) -> Generator[tuple[Trading, FarBuyer]]:
    with (
        trading() as world,
        contextlib.nullcontext() if paper else world.recording(),
        far_server(world.server, each_way_ms) as server,
    ):
        buyer = FarBuyer(world, server, tree, paper=paper)
        try:
            yield world, buyer
        finally:
            buyer.program.kill()


def measure(tree: Path = HERE, *, each_way_ms: float, count: int) -> dict[str, Any]:
    """Return everything of one tree at one distance."""
    found: dict[str, float] = {}
    for part in PARTS:
        found |= part(tree, each_way_ms, count)
    return found
