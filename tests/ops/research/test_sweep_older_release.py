"""Jobs of another release: a sweep's try that it enqueued is run here, and ours name the same path."""

import json
import threading
from pathlib import Path

import pytest
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from backtest.sweep.trial import open_in_place
from ops.research import sweep_jobs
from ops.research.sweep_jobs import QUEUE, SweepJobs
from ops.research.sweep_plan import SettingsSweep, plan
from redeemer.jobs.queue import bytes_connection
from shared.clock import SystemClock
from shared.redis.client import connect_redis
from tests.detector.builders import NOW_S, a_row

pytestmark = pytest.mark.server

OLD_PATH = "ops.sweep_jobs.run"
"""Where the job's function stood in the release before."""


@pytest.fixture
def wanted(tmp_path: Path) -> SettingsSweep:
    """One trade of a market that it won, under two stakes."""
    history, resolved = tmp_path / "rows.json", tmp_path / "resolved.csv"
    history.write_text(json.dumps([a_row(timestamp=NOW_S, price="0.52")]))
    resolved.write_text(f"condition_id,payouts\n{a_row()['condition_id']},1;0\n")
    return plan([history], [resolved], ["stake_usdc=3,5"], ["max_day_usdc=100000"], random=0, seed=1)


def test_a_try_that_an_older_release_enqueued_is_run_and_scored_by_this_one(
    wanted: SettingsSweep, valkey_url: str
) -> None:
    with connect_redis(valkey_url) as redis:
        queue = Queue(QUEUE, connection=bytes_connection(redis), serializer=JSONSerializer)
        for name, varied in wanted.tries.items():
            queue.enqueue_call(  # pyright: ignore[reportUnknownMemberType] - rq leaves its arguments untyped
                OLD_PATH, args=(wanted.spec.model_dump_json(), varied), job_id=f"sweep-{name}", unique=True
            )

        done = sweep_jobs.work(redis, open_in_place, threading.Event(), SystemClock(), burst=True)
        scores, failed = sweep_jobs.read(SweepJobs(redis, wanted.spec).known(list(wanted.tries)))

    assert done == 2
    assert failed == {}
    assert scores.keys() == wanted.tries.keys()


def test_a_try_of_ours_names_the_path_that_the_older_release_knows(wanted: SettingsSweep, valkey_url: str) -> None:
    with connect_redis(valkey_url) as redis:
        SweepJobs(redis, wanted.spec).offer(wanted.tries)
        raw = bytes_connection(redis)
        jobs = [Job.fetch(f"sweep-{name}", connection=raw, serializer=JSONSerializer) for name in wanted.tries]
        named = [job.func_name for job in jobs]

    assert named == [OLD_PATH, OLD_PATH]
