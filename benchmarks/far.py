"""Programs whose server is far away: a signal and its order through a delay each way, beside another commit's code.

A proxy on loopback stands between the programs and the server, and keeps every byte for so long in each direction.
Signals are appended beside the server; orders go to a venue on loopback that only records them.

    python -m benchmarks.far [--each-way 0 5 20] [--count 160] [--beside COMMIT]

`waited` is what an order of a signal by itself took beyond the same tree's order without a delay, in round trips: half
of one brings the signal to the buyer, what is left is what was waited for before the order left.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks.rigs.beside import NOW, THEN, trees
from benchmarks.rigs.far.far_run import measure
from simulator.command_line import HidingParser

COLUMNS = (
    ("p50_ms", "signal -> order, p50 ms"),
    ("waited", "  waited, round trips"),
    ("trips_a_signal", "round trips a signal"),
    ("kb_an_order", "KB sent an order"),
    ("orders_per_s", "orders/s, 8 tokens"),
    ("one_token_per_s", "orders/s, 1 token"),
    ("paper_per_s", "paper orders/s"),
    ("skips_per_s", "skips/s"),
    ("trips_a_skip", "round trips a skip"),
    ("published_per_s", "signals published/s"),
    ("trips_published", "round trips published"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the last line is one JSON object."""
    asked = _parser().parse_args(argv)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    with trees(asked.beside) as places:
        for each_way_ms in asked.each_way:
            rows[f"{each_way_ms:g}"] = {
                name: measure(tree, each_way_ms=each_way_ms, count=asked.count)
                for name, tree in reversed(places.items())
            }
    _compare(rows)
    for each_way, found in rows.items():
        print(f"\n{each_way} ms each way")
        print(f"  {'':<26}" + "".join(f"{name:>10}" for name in found) + (f"{'now/then':>10}" if THEN in found else ""))
        for column, words in COLUMNS:
            cells = "".join(f"{one.get(column, '-'):>10}" for one in found.values())
            print(f"  {words:<26}{cells}{_share(found, column)}")
    print(json.dumps({"benchmark": "far", "beside": asked.beside, "count": asked.count, "each_way_ms": rows}))
    return 0


def _compare(rows: dict[str, dict[str, dict[str, float]]]) -> None:
    """Add what each order waited for beyond the first distance's, where that is none."""
    near = rows.get("0", {})
    for each_way, found in rows.items():
        for name, one in found.items():
            if float(each_way) and name in near:
                one["waited"] = round((one["p50_ms"] - near[name]["p50_ms"]) / (2 * float(each_way)), 2)


def _share(found: dict[str, dict[str, float]], column: str) -> str:
    if THEN not in found or not found[THEN].get(column):
        return ""
    return f"{found[NOW].get(column, 0) / found[THEN][column]:>10.2f}"


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(prog="python -m benchmarks.far", description=__doc__)
    parser.add_argument("--each-way", type=float, nargs="+", default=[0, 5, 20], metavar="MS", help="delays")
    parser.add_argument("--count", type=int, default=160, help="signals at once")
    parser.add_argument("--beside", default="", metavar="COMMIT", help="the code of this commit beside ours")
    return parser


if __name__ == "__main__":
    sys.exit(main())
