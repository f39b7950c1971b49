"""Whoever reaches the server can write a job: this worker runs what it knows, and nothing else."""

import json
import pickle
import sys
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer, PickleSerializer

from backtest.sweep.trial import open_in_place
from ops.research import sweep_jobs
from redeemer.jobs.queue import redemption_queue
from shared.clock import SystemClock
from shared.redis.client import connect_redis
from tests.redeemer.builders import CONDITION, ONE, a_loser, a_lot, hold
from tests.redeemer.redeemer_fixture import AGAIN_S, JOB, QUEUE, RedeemerFixture

pytestmark = [pytest.mark.server, pytest.mark.pitfall(49)]

TRAP = "antigravity"
"""A module of the standard library that nothing imports; importing it opens a browser."""


@pytest.fixture
def redeemer(valkey_url: str) -> RedeemerFixture:
    return RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})


class Trap:
    """What a pickle does when it is read: writes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (open, (str(self.file), "w"))


def forge(redeemer: RedeemerFixture, name: str, *args: str, **changes: Any) -> Job:
    """Write a job as anybody can who reaches the server."""
    queue = Queue(QUEUE, connection=redeemer.raw, serializer=JSONSerializer)
    return queue.enqueue_call(name, args=args, **changes)  # pyright: ignore[reportUnknownMemberType] - rq leaves it untyped


@pytest.mark.parametrize("name", ["os.system", f"{TRAP}.geohash", "redeemer.jobs.queue.redeem", "redeemer.jobs", ""])
def test_a_job_that_names_another_function_fails_with_a_word_and_imports_nothing(
    redeemer: RedeemerFixture, name: str
) -> None:
    sys.modules.pop(TRAP, None)
    job = forge(redeemer, name, "touch /tmp/forged")

    redeemer.work()

    assert redeemer.job(job.id).get_status() == JobStatus.FAILED
    assert "which this worker does not run" in redeemer.jobs.dead_jobs()[job.id]
    assert redeemer.worker.snapshot() == {"queue": QUEUE, "succeeded": 0, "failed": 1}
    assert TRAP not in sys.modules


def test_a_forged_job_is_not_tried_again_whatever_it_asks_for(redeemer: RedeemerFixture) -> None:
    job = forge(redeemer, "os.getcwd")
    redeemer.raw.hset(f"rq:job:{job.id}", "retries_left", 5)

    redeemer.work()

    assert redeemer.job(job.id).get_status() == JobStatus.FAILED
    assert redeemer.queue.job_ids == []


def test_callbacks_and_addresses_in_a_job_are_passed_over(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot(), a_loser())
    redeemer.jobs("paper", CONDITION)
    hook = {"url": "http://127.0.0.1:1/", "statuses": ["finished"]}
    names = {f"{kind}_callback_name": f"{TRAP}.geohash" for kind in ("success", "failure", "stopped")}
    redeemer.raw.hset(f"rq:job:{JOB}", mapping={**names, "webhooks": json.dumps([hook])})
    sys.modules.pop(TRAP, None)

    redeemer.work()

    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]
    assert redemption_queue(QUEUE, redeemer.raw).fetch_job(JOB).webhooks == []  # pyright: ignore[reportOptionalMemberAccess] - it is there
    assert TRAP not in sys.modules


def test_a_callback_of_a_job_that_looks_abandoned_is_not_run_by_the_maintenance(redeemer: RedeemerFixture) -> None:
    job = forge(redeemer, "redeemer.jobs.redeem", "paper", CONDITION)
    redeemer.raw.hset(f"rq:job:{job.id}", mapping={"failure_callback_name": f"{TRAP}.geohash", "status": "started"})
    redeemer.raw.lrem(f"rq:queue:{QUEUE}", 0, job.id)
    redeemer.raw.zadd(StartedJobRegistry(QUEUE, connection=redeemer.raw).key, {f"{job.id}:execution": 1})
    sys.modules.pop(TRAP, None)

    redeemer.work()

    assert redeemer.job(job.id).get_status() == JobStatus.FAILED
    assert TRAP not in sys.modules


def test_a_pickled_job_is_never_unpickled_and_what_is_due_is_enqueued_again(
    redeemer: RedeemerFixture, tmp_path: Path
) -> None:
    hold(redeemer.paper.ledger, a_lot(), a_loser())
    queue = Queue(QUEUE, connection=redeemer.raw, serializer=PickleSerializer)
    queue.enqueue_call("redeemer.jobs.redeem", args=("paper", CONDITION), job_id=JOB)  # pyright: ignore[reportUnknownMemberType] - as above
    trap = pickle.dumps(("redeemer.jobs.redeem", None, (Trap(tmp_path / "sprung"),), {}))
    redeemer.raw.hset(f"rq:job:{JOB}", mapping={"data": zlib.compress(trap), "meta": trap, "result": trap})

    redeemer.work()
    refused = redeemer.jobs.dead_jobs()[JOB]
    left_alone = redeemer.jobs("paper", CONDITION)
    redeemer.clock.advance(AGAIN_S + 1)
    again = redeemer.jobs("paper", CONDITION)
    redeemer.work()

    assert "its data is no JSON" in refused
    assert (left_alone, again) == (False, True)
    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]
    assert not (tmp_path / "sprung").exists()


def test_a_worker_takes_no_commands_from_the_server(redeemer: RedeemerFixture) -> None:
    redeemer.work()

    assert redeemer.raw.pubsub_numpat() == 0
    assert Worker.count(connection=redeemer.raw) == 0


def test_a_sweep_worker_runs_tries_and_nothing_else(valkey_url: str) -> None:
    with connect_redis(valkey_url) as redis:
        raw = sweep_jobs.bytes_connection(redis)
        queue = Queue(sweep_jobs.QUEUE, connection=raw, serializer=JSONSerializer)
        job = queue.enqueue_call("os.getcwd")  # pyright: ignore[reportUnknownMemberType] - as above

        done = sweep_jobs.work(redis, open_in_place, threading.Event(), SystemClock(), burst=True)

        assert done == 1
        assert Job.fetch(job.id, connection=raw, serializer=JSONSerializer).get_status() == JobStatus.FAILED
