"""Where the time of this tree's replay goes, and how fast whole decisions are: one workload, as JSON.

`python -m benchmarks.rigs.replay.replay_profile` reads the workload from standard input.
"""

import cProfile
import json
import pstats
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

import buyer.execution.order_executor as executor_module
from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent, MergedAhead
from backtest.history.history_files import open_history
from backtest.settings import decided_settings
from backtest.simulation.run_models import RunModels
from backtest.simulation.simulator import SimulatedRun
from buyer.execution.exit_manager import ExitManager
from buyer.execution.order_executor import BuyExecutor
from buyer.strategy.limits import TradingLimits
from shared.domain.money import MICRO

BANKROLL = 10**9 * MICRO
SOME = 5000
"""Signals under the profiler, and made into whole decisions."""
PARTS: dict[str, tuple[Any, str]] = {
    "reading and decoding": (MergedAhead, "pop_next"),
    "facts, book, balances": (BuyExecutor, "_observe"),
    "the policy": (executor_module, "decide_signal"),
    "orders: intent, fill, outcome": (BuyExecutor, "_carry_out"),
    "exits between signals": (ExitManager, "work_due"),
    "counting skips": (SimulatedRun, "_record_skip"),
}
"""Functions by the owner that has them, so that one which was renamed is an error and no share of 0%."""


def main() -> None:
    """Measure the workload; print what was found."""
    job = json.load(sys.stdin)
    limits = decided_settings((), job["limits"]).limits
    files, resolved = ([Path(name) for name in job[kind]] for kind in ("files", "resolved"))
    some = list(islice(open_history(files, resolved).market_events, SOME))
    print(json.dumps({"whole_per_s": _whole_per_s(some, limits)} | _profile(files, resolved, limits)))


def _whole_per_s(some: Sequence[MarketEvent], limits: TradingLimits) -> int:
    run = SimulatedRun(some, limits, BANKROLL, RunModels(), lambda _: None, whole=True)
    started = process_time()
    made = sum(1 for _ in run.steps())
    return round(made / (process_time() - started))


def _profile(files: Sequence[Path], resolved: Sequence[Path], limits: TradingLimits) -> dict[str, Any]:
    profile = cProfile.Profile()
    coming = islice(open_history(files, resolved).market_events, SOME)
    profile.runcall(run_backtest, coming, limits, BANKROLL, RunModels(), sink=lambda _: None)
    stats: Any = pstats.Stats(profile)
    rows = sorted(stats.stats.items(), key=lambda item: -item[1][2])
    took = {place: row[3] for place, row in rows}
    shares = {part: took.get(_place(getattr(owner, name)), 0.0) for part, (owner, name) in PARTS.items()}
    return {
        "parts": {part: round(100 * spent / stats.total_tt) for part, spent in shares.items()},
        "profile": [f"{row[2]:6.3f} s  {Path(place[0]).name}:{place[1]} {place[2]}" for place, row in rows[:8]],
    }


def _place(function: Callable[..., Any]) -> tuple[str, int, str]:
    """Return how a profile names a function."""
    code = function.__code__
    return code.co_filename, code.co_firstlineno, code.co_name


if __name__ == "__main__":
    main()
