"""`python -m benchmarks.histories`: histories as people have them, judged from outside.

Wallets 1 to 4 and their mutations: rows in = trades + other kinds + told before + left out, always; the leader's
realized PnL against a few lines of polars, to the micro-unit. Then CPU a row, start-up included, of `backtest`, of
`wallet` with three delays, and of `honest-backtest` on the same file: the fastest of so many runs each, in turns.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.rigs.beside import HERE
from benchmarks.rigs.histories.ground_truth import by_polars, by_us
from benchmarks.rigs.histories.mutations import Rows, mutations, read_log
from simulator.command_line import HidingParser

RUNS = 3
WALLETS = (1, 2, 3, 4)
MOST_TIMES = 1.5
"""A wallet with three delays costs at most so many times one backtest."""
PEER = "benchmarks.rigs.replay.replay_peer"


def main() -> int:
    """Measure, print tables, and the figures as one JSON line; 1 where a sum is wrong."""
    asked = _parser().parse_args()
    folder = asked.data.resolve() / "wallets"
    if not folder.is_dir():
        print(f"no {folder}: set HYBRID_REAL_DATA", file=sys.stderr)
        return 2
    winners = folder / "market_winners.csv"
    judged, costs = list[dict[str, Any]](), list[dict[str, Any]]()
    for number in asked.wallets:
        path = folder / f"wallet_{number}.zip"
        rows = read_log(path)
        judged += _judged(path.stem, rows, winners)
        costs.append(_costs(path, rows, winners, asked.runs))
        print(json.dumps(costs[-1]), file=sys.stderr, flush=True)
    _print(judged, costs)
    print(json.dumps({"benchmark": "histories", "judged": judged, "costs": costs}))
    return 0 if all(row["right"] for row in judged) else 1


def _judged(name: str, rows: Rows, winners: Path) -> list[dict[str, Any]]:
    wanted, found = by_polars(rows, winners), list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        for mutation, files in mutations(rows, Path(folder)).items():
            account = by_us(files, winners)
            figures = {"wallet": name, "mutation": mutation, "rows": account.rows, "trades": account.truth.trades}
            figures |= {"left_out": account.left_out, "repeated": account.repeated}
            figures |= {"realized": account.truth.realized, "polars": wanted.realized}
            found.append({**figures, "right": account.adds_up and account.truth == wanted})
    return found


def _costs(path: Path, rows: Rows, winners: Path, runs: int) -> dict[str, Any]:
    """Return CPU microseconds a row of each road, the fastest of some runs in turns."""
    resolved = ["--resolved", str(winners), "--json"]
    leader = rows[0]["wallet_addr"]
    roads = {
        "backtest": ["-m", "backtest", str(path), *resolved],
        "wallet_3_delays": ["-m", "ops.cli", "wallet", leader, "--history", str(path), *resolved],
    }
    if find_spec("honest_backtest") is not None:
        roads["honest_backtest"] = ["-W", "ignore", "-m", PEER, str(path), str(winners)]
    took: dict[str, list[float]] = {name: [] for name in roads}
    for _ in range(runs):
        for name, words in roads.items():
            took[name].append(_cpu_s(words))
    best = {name: min(times) for name, times in took.items()}
    row: dict[str, Any] = {"wallet": path.stem, "rows": len(rows)}
    row |= {f"{name}_us": round(1e6 * cpu_s / len(rows), 1) for name, cpu_s in best.items()}
    return row | {"wallet_to_backtest": round(best["wallet_3_delays"] / best["backtest"], 2)}


def _cpu_s(words: Sequence[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], cwd=HERE, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _print(judged: Sequence[dict[str, Any]], costs: Sequence[dict[str, Any]]) -> None:
    print(f"{'wallet':10}{'mutation':28}{'rows':>8}{'trades':>8}{'again':>7}{'out':>5}{'realized':>16}{'polars':>16}")
    for row in judged:
        figures = f"{row['rows']:>8}{row['trades']:>8}{row['repeated']:>7}{row['left_out']:>5}"
        sums = f"{row['realized'] / 1e6:>16,.6f}{row['polars'] / 1e6:>16,.6f}"
        print(f"{row['wallet']:10}{row['mutation']:28}{figures}{sums}{'' if row['right'] else '  WRONG'}")
    for row in costs:
        peer = f", honest-backtest {row['honest_backtest_us']}" if "honest_backtest_us" in row else ""
        times = row["wallet_to_backtest"]
        print(
            f"{row['wallet']}: CPU us a row: backtest {row['backtest_us']}, wallet with 3 delays "
            f"{row['wallet_3_delays_us']} ({times} times{'' if times <= MOST_TIMES else ', MORE THAN 1.5'}){peer}"
        )


def _parser() -> argparse.ArgumentParser:
    words = HidingParser(prog="python -m benchmarks.histories", description=__doc__)
    words.add_argument("--runs", type=int, default=RUNS, help="The fastest of so many.")
    words.add_argument("--wallets", type=int, nargs="*", default=WALLETS, help="Which of the four.")
    words.add_argument("--data", type=Path, default=Path(os.environ.get("HYBRID_REAL_DATA", "../shared/data")))
    return words


if __name__ == "__main__":
    sys.exit(main())
