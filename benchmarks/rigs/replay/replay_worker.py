"""One backtest, or decoding alone, by whatever code stands on PYTHONPATH: `benchmarks.replay` starts it for each tree.

It imports nothing of `benchmarks` and asks only for what all layouts have, by the places where it has stood. The job
comes as JSON on standard input, the figures go as JSON to standard output.
"""

import json
import sys
from importlib import import_module
from itertools import islice
from pathlib import Path
from time import process_time
from typing import Any

BANKROLL = 10**9 * 10**6
ALONE = 200_000
"""Market events that are decoded alone, for the floor."""


def main() -> None:
    """Do what the job says."""
    job = json.load(sys.stdin)
    print(json.dumps(_decode(job) if job["alone"] else _run(job)))


def _run(job: dict[str, Any]) -> dict[str, Any]:
    """Run a backtest; `points` are numbers of signals at which the memory is noted."""
    run_backtest = _found("run_backtest", "backtest.backtest", "backtest.run")
    models = _found("RunModels", "backtest.simulation.run_models", "backtest.models")
    settings = _found("decided_settings", "backtest.settings")
    opened, rss = _opener(job), dict[int, int]()

    def told(count: int, _at_ms: int) -> None:
        if count in job["points"]:
            rss[count] = _mb("VmRSS")

    limits = settings((), job["limits"]).limits
    started = process_time()
    result = run_backtest(opened(), limits, BANKROLL, models(), sink=id, progress=told)
    return {
        "cpu_s": process_time() - started,
        "signals": result.signals,
        "bought": result.bought,
        "sold": result.sold,
        "peak_mb": _mb("VmHWM"),
        "rss_mb": rss,
    }


def _decode(job: dict[str, Any]) -> dict[str, Any]:
    """Read the history and do nothing with it."""
    opened = _opener(job)
    started = process_time()
    decoded = sum(hasattr(item.what, "leader") for item in islice(opened(), ALONE))
    return {"cpu_s": process_time() - started, "signals": decoded}


def _opener(job: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever that tree returns
    open_history = _found("open_history", "backtest.history.history_files", "backtest.history")
    files, resolved = ([Path(name) for name in job[kind]] for kind in ("files", "resolved"))
    return lambda: open_history(files, resolved).market_events


def _found(name: str, *modules: str) -> Any:  # noqa: ANN401 - whatever that tree has
    for module in modules:
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise SystemExit(f"this tree has no {name} in {', '.join(modules)}")


def _mb(what: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith(what))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
