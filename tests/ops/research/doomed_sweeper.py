"""A worker for test_sweep.py to kill: it runs a few tries, says so, and hangs in the next: `... URL FOLDER`."""

import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from backtest.sweep import trial
from backtest.sweep.trial import OpenPaths, TrialScore, TrialSpec
from ops.research import sweep_jobs
from ops.research.contents.settings import SweepSettings
from ops.research.sweep_files import worker_histories
from shared.clock import SystemClock
from shared.redis.client import connect_redis

RUN = 5
_run: list[TrialScore] = []


def hang(spec: TrialSpec, varied: Mapping[str, str], open_paths: OpenPaths) -> TrialScore:
    """Run as it should be; then stay in the middle of a try until killed."""
    if len(_run) < RUN:
        _run.append(trial.run_trial(spec, varied, open_paths))
        return _run[-1]
    sys.stdout.write(f"{dict(varied)}\n")
    sys.stdout.flush()
    threading.Event().wait(60)
    raise AssertionError("nobody killed this worker")


if __name__ == "__main__":
    sweep_jobs.run_trial = hang
    sweep_jobs.SILENT_MS = 1500
    sweep_jobs.BEAT_S = 0.5
    clock, stop = SystemClock(), threading.Event()
    with connect_redis(sys.argv[1]) as redis:
        histories = worker_histories(
            SweepSettings.model_validate({}), redis, Path(sys.argv[2]), (), clock=clock, stop=stop
        )
        sweep_jobs.work(redis, histories, stop, clock)
