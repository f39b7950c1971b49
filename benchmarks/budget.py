"""Fifty leaders, two detectors, one budget: the venue's own request log says how much was asked at once.

Two detector processes poll the local venue under a target of 20 requests a second at each gate. Without a shared budget
they would ask 40 a second, and 50 if nothing held them back. Exits with 1 when a window of one second holds more than
target and burst. Measure on a quiet machine: one that stalls delivers late requests together.

    python -m benchmarks.budget [--seconds 20]
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ops.demo.demo import DemoWorld, simulator
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import Clock, SystemClock
from shared.process.shutdown_signals import DIE_WITH_PARENT
from simulator.command_line import HidingParser

TARGET_PER_S, BURST, DETECTORS, LEADERS = 20, 4, 2, 50
UPSTREAMS = ("data", "rpc")
VENUE = ("--leaders", str(LEADERS), "--limit-scale", "2", "--speed", "2", "--fills-per-minute", "60")
BUDGET = {"DATA_API_RATE_PER_S": str(TARGET_PER_S), "DATA_API_BURST": str(BURST), "RPC_RATE_PER_S": str(TARGET_PER_S)}
START_S = 60.0


def most_within(times_ms: Sequence[float], window_ms: float) -> int:
    """Return the most requests in any window of this length."""
    ordered = sorted(times_ms)
    return max((bisect_left(ordered, at + window_ms) - number for number, at in enumerate(ordered)), default=0)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, judge; return the exit code."""
    parser = HidingParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the measurement")
    seconds = parser.parse_args(argv).seconds
    clock, never = SystemClock(), threading.Event()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedRedis(Path(folder), fsync="off") as server,
        simulator(clock, *VENUE) as venue,
        _detectors({**venue.environment, **BUDGET, "REDIS_URL": server.url, "POLL_EVERY_S": "1", "RUN_DIR": folder}),
    ):
        _wait_for_requests(venue, clock)
        clock.wait(never, seconds)
        times = {name: [float(request["time_ms"]) for request in venue.requests(name)] for name in UPSTREAMS}
    table = Table("gate", "requests", "a second, on average", "worst second", "bound", "worst five seconds")
    found: dict[str, dict[str, float]] = {}
    for name, at in times.items():
        found[name] = {
            "requests": len(at),
            "per_s": round(len(at) / ((at[-1] - at[0]) / 1000), 1),
            "worst_second": most_within(at, 1000),
            "worst_five_seconds": most_within(at, 5000),
        }
        figures = found[name]
        worst = (str(figures["worst_second"]), str(TARGET_PER_S + BURST), str(figures["worst_five_seconds"]))
        table.add_row(name, str(figures["requests"]), str(figures["per_s"]), *worst)
    Console(width=110).print(table)
    ok = all(figures["worst_second"] <= TARGET_PER_S + BURST for figures in found.values())
    print(json.dumps({"target_per_s": TARGET_PER_S, "burst": BURST, "gates": found, "ok": ok}))
    return 0 if ok else 1


@contextmanager
def _detectors(environment: Mapping[str, str]) -> Generator[None]:
    """Run the detectors while the block runs."""
    given = {**os.environ, **environment, DIE_WITH_PARENT: str(os.getpid())}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "detector"],
            env={**given, "INSTANCE": f"detector-{number}"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(DETECTORS)
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _wait_for_requests(venue: DemoWorld, clock: Clock) -> None:
    never, deadline = threading.Event(), clock.monotonic() + START_S
    while len(venue.requests("data")) < TARGET_PER_S:
        if clock.monotonic() > deadline:
            raise SystemExit("the detectors asked nothing: run one with `python -m detector` to see why")
        clock.wait(never, 0.2)


if __name__ == "__main__":
    sys.exit(main())
