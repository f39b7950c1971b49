"""The time from a signal on the stream to its order at the venue, beside the barest script that does the same job.

Live code, real signatures, the journal synced at every write; venue and server are processes of their own. Buyer and
floor take turns, so a busy machine slows both. Then signals of several markets come at a steady rate, and no backlog
may grow.

    python -m benchmarks.order_path [--signals 400] [--rate 200] [--seconds 60]
    python -m benchmarks.order_path --beside COMMIT     what an order costs, beside that commit's code
    python -m benchmarks.order_path --recording-venue   300 signals a second to a venue that only records
    python -m benchmarks.order_path --viewers 5         beside people who look at the dashboard, and without them
    python -m benchmarks.order_path --alerts            beside the alerts that tell of every order, and without them
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Generator, Sequence
from statistics import median
from typing import Any

from benchmarks.rigs.order_buyer import FLOOR, STAGES
from benchmarks.rigs.order_buyer import GROUP as FLOOR_GROUP
from benchmarks.rigs.order_rig import Trading, trading
from benchmarks.rigs.orders.order_beside import WARM_UP, Asked, compare
from benchmarks.rigs.orders.order_load import go_first, latencies, p99, sustained
from benchmarks.rigs.orders.order_onlookers import compare_alerts, compare_viewers
from benchmarks.rigs.orders.order_program import Program
from buyer.domain.token_shard import LIVE_GROUP as GROUP
from shared.messages.base import SIGNALS
from simulator.command_line import HidingParser

ROUND = 20
NAMES = (
    "until handled",
    *(name for name, _, _ in STAGES if name not in {"write", "post and answer"}),
    "write intent",
    "post until it arrives",
    "post and answer",
    "write decision",
)
RATE, SECONDS = 200.0, 60.0
RECORDED_RATE = 300.0
SIGNALS_EACH = 400


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    asked = _parser().parse_args(argv)
    if asked.viewers:
        return compare_viewers(asked.viewers, asked.signals)
    if asked.alerts:
        return compare_alerts(asked.signals)
    if asked.beside or asked.recording_venue:
        return compare(_asked(asked))
    rate, seconds = asked.rate or RATE, SECONDS if asked.seconds is None else asked.seconds
    with trading() as world, programs(world) as (buyer, floor):
        buyer.wait_for(world, {GROUP, FLOOR_GROUP}, (SIGNALS, FLOOR))
        go_first()
        for stream, group in ((SIGNALS, GROUP), (FLOOR, FLOOR_GROUP)):
            latencies(world, stream, group, WARM_UP, "warm")
        ours, bare = list[tuple[float, float]](), list[tuple[float, float]]()
        for turn in range(max(1, asked.signals // ROUND)):
            ours += latencies(world, SIGNALS, GROUP, ROUND, f"a{turn}")
            bare += latencies(world, FLOOR, FLOOR_GROUP, ROUND, f"b{turn}")
        floor.process.kill()
        steady = sustained(world, rate, seconds) if seconds else {}
        stages = buyer.stop()[WARM_UP : WARM_UP + len(ours)]
    for (then, there), one in zip(ours, stages, strict=True):
        one |= {"until handled": one["handled_at_ms"] - then, "post until it arrives": there - one["posted_at_ms"]}
    report([there - then for then, there in ours], [there - then for then, there in bare], stages, steady)
    return 0


@contextlib.contextmanager
def programs(world: Trading) -> Generator[tuple[Program, Program]]:
    """Run both while the block runs."""
    both = Program.timed(world, "buyer"), Program.timed(world, "floor")
    try:
        yield both
    finally:
        for program in both:
            program.kill()


def _asked(asked: argparse.Namespace) -> Asked:
    """Return what is compared: the steady rate only where the venue keeps up, or somebody asks for it."""
    seconds = (SECONDS if asked.recording_venue else 0.0) if asked.seconds is None else asked.seconds
    rate = asked.rate or (RECORDED_RATE if asked.recording_venue else RATE)
    return Asked(asked.beside, asked.signals, rate, seconds, asked.recording_venue)


def report(ours: list[float], bare: list[float], stages: list[dict[str, float]], steady: dict[str, Any]) -> None:
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
            print(f"  {name:<22}{value!s:>10}")
    print(json.dumps({"benchmark": "order_path", **whole, "stages_ms": medians, "steady": steady}))


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(prog="python -m benchmarks.order_path", description=__doc__)
    parser.add_argument("--signals", type=int, default=SIGNALS_EACH, help="signals for each, one by one")
    parser.add_argument("--rate", type=float, help="steady signals per second")
    parser.add_argument("--seconds", type=float, help="seconds of steady rate; 0 leaves it out")
    parser.add_argument("--beside", default="", metavar="COMMIT", help="the code of this commit beside ours, in turns")
    parser.add_argument("--recording-venue", action="store_true", help="a venue that takes every order and records it")
    parser.add_argument("--viewers", type=int, default=0, help="people who look at the dashboard, in turns with none")
    parser.add_argument("--alerts", action="store_true", help="messages that tell of every order, in turns with none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
