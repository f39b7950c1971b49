"""The time from a signal on the stream to its order at the venue, beside the barest script that does the same job.

Live code, real signatures, the journal synced at every write; venue and server are processes of their own. Buyer and
floor take turns, so a busy machine slows both. Then signals of several markets come at a steady rate, and no backlog
may grow.

    python -m benchmarks.order_path [--signals 400] [--rate 200] [--seconds 60]
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from statistics import median, quantiles

from benchmarks.rigs.order_buyer import FLOOR, STAGES
from benchmarks.rigs.order_buyer import GROUP as FLOOR_GROUP
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading, trading, wall_ms
from buyer.domain.token_shard import GROUP
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.streams import group_backlog

ROUND = 20
NAMES = (
    "until handled",
    *(name for name, _, _ in STAGES[:-2]),
    "post until it arrives",
    *(n for n, _, _ in STAGES[-2:]),
)
GAP_S = 0.03
START_S = 30.0
LATEST_S = 20.0
WARM_UP = 40


class Program:
    """One of both, as a process."""

    def __init__(self, world: Trading, what: str) -> None:
        self.file = world.folder / f"{what}.json"
        self.log = world.folder / f"{what}.log"
        world_token = {"FLOOR_TOKEN": world.token, "FLOOR_NEG_RISK": "1" if world.neg_risk else "0"}
        given = {**os.environ, **world.environment, **world_token, DIE_WITH_PARENT: str(os.getpid())}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.rigs.order_buyer", what, str(self.file)],
                env=given,
                stderr=log,
                stdout=log,
            )

    def stop(self) -> list[dict[str, float]]:
        """End it; return what it noted."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else []


def append(world: Trading, stream: str, number: int, run: str, token: str = "") -> float:
    """Append a signal; return when the server had it for good, in epoch milliseconds."""
    event = world.signal(number, token or world.token, run=run)
    world.redis.xadd(stream, {"event": event.event, "json": write_event(event)})
    return wall_ms()


def latencies(world: Trading, stream: str, group: str, count: int, run: str) -> list[tuple[float, float]]:
    """Append `count` signals one by one; return when each was appended and when its order arrived."""
    world.arrivals()
    started: list[float] = []
    for number in range(count):
        started.append(append(world, stream, number, run))
        CLOCK.wait(NEVER, GAP_S)
    arrived = all_arrived(world, count)
    drained(world, stream, group, 10)
    if len(arrived) != count:
        raise SystemExit(f"{stream}: {count} signals, {len(arrived)} orders")
    return list(zip(started, arrived, strict=True))


def all_arrived(world: Trading, count: int) -> list[float]:
    """Return when `count` orders arrived; fewer when they do not come, more when others come beside them."""
    until, arrived = CLOCK.monotonic() + LATEST_S, world.arrivals()
    while len(arrived) < count and CLOCK.monotonic() < until:
        CLOCK.wait(NEVER, 0.05)
        arrived += world.arrivals()
    return arrived


def drained(world: Trading, stream: str, group: str, seconds: float) -> bool:
    """Wait until everything is read and handled."""
    until = CLOCK.monotonic() + seconds
    while CLOCK.monotonic() < until:
        waiting, pending = group_backlog(world.redis, stream, group)
        if waiting == 0 and (pending == 0 or group == FLOOR_GROUP):
            CLOCK.wait(NEVER, 0.05)
            return True
        CLOCK.wait(NEVER, 0.05)
    return False


def ready(world: Trading, program: Program) -> None:
    """Wait until the buyer and the floor read."""
    until = CLOCK.monotonic() + START_S
    while CLOCK.monotonic() < until and program.process.poll() is None:
        with contextlib.suppress(Exception):
            groups = {row["name"] for stream in (SIGNALS, FLOOR) for row in world.redis.xinfo_groups(stream)}
            if {GROUP, FLOOR_GROUP} <= groups:
                return
        CLOCK.wait(NEVER, 0.1)
    raise SystemExit(f"the buyer did not start:\n{program.log.read_text(encoding='utf-8')[-2000:]}")


def go_first() -> None:
    """Let the stopwatch run before what it measures, where we may: read late, a start makes everything look quick."""
    with contextlib.suppress(PermissionError):
        os.nice(-10)


def sustained(world: Trading, rate: float, seconds: float) -> dict[str, float]:
    """Append at a steady rate; return the backlog at the middle and at the end, and how long it took to drain."""
    world.arrivals()
    samples: list[int] = []
    begin = CLOCK.monotonic()
    done, count = threading.Event(), int(rate * seconds)

    def watch() -> None:
        while not done.wait(1.0):
            samples.append(sum(group_backlog(world.redis, SIGNALS, GROUP)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started: list[float] = []
    for number in range(count):
        CLOCK.wait(NEVER, begin + number / rate - CLOCK.monotonic())
        token = world.tokens[number % len(world.tokens)]
        started.append(append(world, SIGNALS, number, "steady", token))
    done.set()
    watcher.join()
    took = CLOCK.monotonic() - begin
    left = sum(group_backlog(world.redis, SIGNALS, GROUP))
    drained(world, SIGNALS, GROUP, 60)
    arrived = world.arrivals()
    waits = sorted(there - then for then, there in zip(started, arrived, strict=False))
    half = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    return {
        "offered_per_s": round(count / took, 1),
        "orders": len(arrived),
        "signals": count,
        "backlog_first_half": max(half[0], default=0),
        "backlog_second_half": max(half[1], default=0),
        "backlog_at_end": left,
        "p50_ms": round(median(waits), 2) if waits else 0.0,
        "p99_ms": round(p99(waits), 2) if waits else 0.0,
    }


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    with trading() as world, programs(world) as (buyer, floor):
        ready(world, buyer)
        go_first()
        for stream, group in ((SIGNALS, GROUP), (FLOOR, FLOOR_GROUP)):
            latencies(world, stream, group, WARM_UP, "warm")
        ours, bare = list[tuple[float, float]](), list[tuple[float, float]]()
        for turn in range(max(1, asked.signals // ROUND)):
            ours += latencies(world, SIGNALS, GROUP, ROUND, f"a{turn}")
            bare += latencies(world, FLOOR, FLOOR_GROUP, ROUND, f"b{turn}")
        floor.process.kill()
        steady = sustained(world, asked.rate, asked.seconds) if asked.seconds else {}
        stages = buyer.stop()[WARM_UP : WARM_UP + len(ours)]
    for (then, there), one in zip(ours, stages, strict=True):
        one |= {"until handled": one["handled_at_ms"] - then, "post until it arrives": there - one["posted_at_ms"]}
    report([there - then for then, there in ours], [there - then for then, there in bare], stages, steady)
    return 0


@contextlib.contextmanager
def programs(world: Trading) -> Generator[tuple[Program, Program]]:
    """Run both while the block runs."""
    both = Program(world, "buyer"), Program(world, "floor")
    try:
        yield both
    finally:
        for program in both:
            program.process.kill()
            program.process.wait()


def report(ours: list[float], bare: list[float], stages: list[dict[str, float]], steady: dict[str, float]) -> None:
    """Print the tables, and one JSON object as the last line."""
    whole = {
        "buyer_p50_ms": round(median(ours), 2),
        "buyer_p99_ms": round(p99(ours), 2),
        "floor_p50_ms": round(median(bare), 2),
        "floor_p99_ms": round(p99(bare), 2),
        "ratio_p50": round(median(ours) / median(bare), 2),
        "orders": len(ours),
    }
    print(f"signal appended -> order at the venue, {len(ours)} each, in turns")
    print(f"  {'':<8}{'p50 ms':>9}{'p99 ms':>9}")
    for name in ("buyer", "floor"):
        print(f"  {name:<8}{whole[f'{name}_p50_ms']:>9.2f}{whole[f'{name}_p99_ms']:>9.2f}")
    print(f"  ratio of the medians {whole['ratio_p50']:.2f} (bound: 2)\n")
    medians = {name: round(median(one[name] for one in stages if name in one), 3) for name in NAMES} if stages else {}
    print("the buyer's stages, median ms")
    for name, value in medians.items():
        print(f"  {name:<18}{value:>8.3f}")
    if steady:
        print("\nsteady rate")
        for name, value in steady.items():
            print(f"  {name:<22}{value:>10}")
    print(json.dumps({"benchmark": "order_path", **whole, "stages_ms": medians, "steady": steady}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.order_path", description=__doc__)
    parser.add_argument("--signals", type=int, default=400, help="signals for each, one by one")
    parser.add_argument("--rate", type=float, default=200, help="steady signals per second")
    parser.add_argument("--seconds", type=float, default=60, help="seconds of steady rate; 0 leaves it out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
