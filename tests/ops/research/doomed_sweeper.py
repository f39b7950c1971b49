"""A worker for test_sweep.py to kill: it takes a try, says so, and never ends it: `... doomed_sweeper URL`."""

import sys
import threading
from collections.abc import Mapping

from backtest.sweep.trial import TrialScore, TrialSpec
from ops.research import sweep_jobs
from shared.clock import SystemClock
from shared.redis.client import connect_redis


def hang(_spec: TrialSpec, varied: Mapping[str, str]) -> TrialScore:
    """Stay in the middle of a try until killed."""
    sys.stdout.write(f"{dict(varied)}\n")
    sys.stdout.flush()
    threading.Event().wait(60)
    raise AssertionError("nobody killed this worker")


if __name__ == "__main__":
    sweep_jobs.run_trial = hang
    sweep_jobs.SILENT_MS = 1500
    sweep_jobs.BEAT_S = 0.5
    with connect_redis(sys.argv[1]) as redis:
        sweep_jobs.work(redis, threading.Event(), SystemClock())
