"""Jobs of another release: what it enqueued is run here, and what we enqueue names the same path."""

import json
import threading
import zlib

import pytest
from rq import Queue, Retry
from rq.job import Job
from rq.serializers import JSONSerializer

from redeemer.jobs.rq_worker import RedeemWorker
from shared.clock import SystemClock
from tests.redeemer.builders import CONDITION, ONE, a_loser, a_lot, hold
from tests.redeemer.redeemer_fixture import QUEUE, RedeemerFixture

pytestmark = pytest.mark.server

OLD_PATH = "redeemer.jobs.redeem"
"""Where the job's function stood when `redeemer/jobs` was one file; jobs in a queue name it for days."""


def enqueue_as_before(queue: Queue, wallet: str, condition_id: str) -> Job:
    """Enqueue in the words of the release before: the path, its arguments, its name and its times."""
    return queue.enqueue_call(  # pyright: ignore[reportUnknownMemberType] - rq leaves its arguments untyped
        OLD_PATH,
        args=(wallet, condition_id),
        job_id=f"redeem-{wallet}-{condition_id}",
        unique=True,
        retry=Retry(max=3, interval=[5, 15, 60]),
        timeout=150,
        result_ttl=3600,
        failure_ttl=7 * 24 * 3600,
        description=f"redeem {condition_id} for {wallet}",
    )


@pytest.mark.pitfall(31)
def test_a_job_that_an_older_release_enqueued_is_run_and_paid_by_this_one(valkey_url: str) -> None:
    redeemer = RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})
    hold(redeemer.paper.ledger, a_lot(), a_loser())
    queue = Queue(QUEUE, connection=redeemer.raw, serializer=JSONSerializer)

    job = enqueue_as_before(queue, "paper", CONDITION)
    RedeemWorker(redeemer.paper.redeemer, redeemer.redis, QUEUE, clock=SystemClock()).burst(threading.Event())

    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]
    assert redeemer.job(job.id).is_finished
    assert redeemer.job(job.id).return_value() == {"redeemed": redeemer.redeemed()[0].id, "paid": "10"}


def test_a_job_of_ours_is_byte_for_byte_one_that_the_older_release_would_run(valkey_url: str) -> None:
    redeemer = RedeemerFixture(valkey_url)

    assert redeemer.jobs("paper", CONDITION)

    stored: bytes = redeemer.raw.hget(f"rq:job:redeem-paper-{CONDITION}", "data")  # pyright: ignore[reportAssignmentType] - redis-py's sync/async union
    assert json.loads(zlib.decompress(stored)) == [OLD_PATH, None, ["paper", CONDITION], {}]


def test_a_job_of_the_older_release_that_waits_is_not_enqueued_twice(valkey_url: str) -> None:
    redeemer = RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})
    enqueue_as_before(Queue(QUEUE, connection=redeemer.raw, serializer=JSONSerializer), "paper", CONDITION)

    assert not redeemer.jobs("paper", CONDITION)
