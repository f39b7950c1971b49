"""The queue and its worker, on a real server: a job can be lost or run twice, a payout cannot."""

import json
import threading
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing import active_children

import pytest
from rq.job import JobStatus

from ops.supervisor.embedded_redis import EmbeddedRedis
from redeemer.jobs import queue
from redeemer.jobs.queue import job_id
from redeemer.jobs.rq_worker import RedeemWorker
from redeemer.redemption.planner import PaperPlan
from redeemer.watcher import ResolutionWatcher
from shared.clock import SystemClock
from shared.domain.errors import DependencyMissing, Unavailable
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.lease import Lease
from tests.redeemer.builders import CONDITION, ONE, OTHER, PaperRedeemerFixture, a_loser, a_lot, hold
from tests.redeemer.redeemer_fixture import AGAIN_S, JOB, QUEUE, RedeemerFixture, wait_for
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


@pytest.fixture
def redeemer(valkey_url: str) -> RedeemerFixture:
    return RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})


def test_a_job_is_a_pointer_in_json_and_pays_what_is_held(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot(), a_loser())

    assert redeemer.jobs("paper", CONDITION)
    data = json.loads(zlib.decompress(redeemer.raw.hget(f"rq:job:{JOB}", "data")))  # pyright: ignore[reportArgumentType] - redis-py's sync/async union
    redeemer.work()

    assert data == ["redeemer.jobs.redeem", None, ["paper", CONDITION], {}]
    assert redeemer.paper.cash() == 0  # 4 and 6 paid for the lots, 10 came back
    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]
    assert redeemer.job().is_finished
    assert redeemer.job().return_value() == {"redeemed": redeemer.redeemed()[0].id, "paid": "10"}
    assert redeemer.worker.snapshot() == {"queue": QUEUE, "succeeded": 1, "failed": 0}


def test_enqueuing_what_waits_already_changes_nothing(redeemer: RedeemerFixture) -> None:
    made = [redeemer.jobs("paper", CONDITION) for _ in range(3)]

    assert made == [True, False, False]
    assert redeemer.queue.job_ids == [JOB]


def test_a_job_that_waits_for_hours_is_left_where_it_is(redeemer: RedeemerFixture) -> None:
    redeemer.jobs("paper", CONDITION)
    redeemer.jobs("paper", OTHER)
    redeemer.clock.advance(7200)

    assert not redeemer.jobs("paper", CONDITION)
    assert redeemer.queue.job_ids == [JOB, job_id("paper", OTHER)]


def test_a_job_of_a_killed_worker_is_enqueued_again_when_rq_has_forgotten_its_execution(
    redeemer: RedeemerFixture,
) -> None:
    """What rq 3.0.0 does: it keeps the name of an execution a minute longer than its record."""
    redeemer.jobs("paper", CONDITION)
    redeemer.raw.lpop(redeemer.queue.key)
    redeemer.raw.hset(f"rq:job:{JOB}", "status", "started")
    redeemer.raw.zadd(f"rq:executions:{JOB}", {"forgotten": 4_000_000_000})
    redeemer.clock.advance(2 * AGAIN_S)

    assert redeemer.jobs("paper", CONDITION)
    assert redeemer.queue.job_ids == [JOB]


def test_a_job_run_twice_pays_once(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot())
    redeemer.jobs("paper", CONDITION)
    redeemer.work()
    redeemer.queue.push_job_id(JOB)
    redeemer.work()

    assert len(redeemer.redeemed()) == 1
    assert redeemer.worker.snapshot()["succeeded"] == 2
    assert redeemer.job().return_value() == {"redeemed": "nothing held"}


def test_a_dead_job_is_listed_with_what_it_died_of_and_runs_again(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot())
    redeemer.paper.node.payouts.clear()
    redeemer.jobs("paper", CONDITION)
    redeemer.work()

    assert redeemer.jobs.dead_jobs() == {
        JOB: f"shared.domain.errors.Unavailable: condition {CONDITION} is not known to be resolved: it has no payouts"
    }
    redeemer.paper.node.payouts[CONDITION] = (1, 0)
    redeemer.clock.advance(2 * AGAIN_S)
    assert redeemer.jobs("paper", CONDITION)
    redeemer.work()

    assert redeemer.jobs.dead_jobs() == {}
    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE]


def test_two_cashiers_at_the_same_moment_pay_once(redeemer: RedeemerFixture) -> None:
    """Each reads the lots before the other writes; the ledger lets one of them through."""
    hold(redeemer.paper.ledger, *(a_lot(token_id=str(number)) for number in range(5)))
    start, other = (
        threading.Barrier(2),
        PaperRedeemerFixture(RedisLedger(redeemer.redis, "paper"), **{CONDITION: (1, 0)}),
    )

    def redeem(paper: PaperRedeemerFixture) -> None:
        start.wait(PATIENCE_S)
        paper.redeem()

    threads = [threading.Thread(target=redeem, args=(paper,)) for paper in (redeemer.paper, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert [event.paid for event in redeemer.redeemed()] == [50 * ONE]
    assert redeemer.paper.cash() == 30 * ONE


def test_late_shares_are_enqueued_again_at_once_after_a_finished_job(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot())
    redeemer.jobs("paper", CONDITION)
    redeemer.work()
    hold(redeemer.paper.ledger, a_lot(), seed="late")

    assert redeemer.jobs("paper", CONDITION)
    redeemer.work()

    assert [event.paid for event in redeemer.redeemed()] == [10 * ONE, 10 * ONE]


def test_a_job_that_rq_lost_is_enqueued_again_by_the_sweep(redeemer: RedeemerFixture) -> None:
    """Popped by a worker that died before it began: rq says `queued`, and no queue holds it."""
    hold(redeemer.paper.ledger, a_lot())
    redeemer.jobs("paper", CONDITION)
    redeemer.raw.delete(redeemer.queue.key)

    assert not redeemer.jobs("paper", CONDITION)
    redeemer.clock.advance(2 * AGAIN_S)

    assert redeemer.jobs("paper", CONDITION)
    redeemer.work()
    assert len(redeemer.redeemed()) == 1


def test_a_job_whose_worker_vanished_is_enqueued_again_by_the_sweep(redeemer: RedeemerFixture) -> None:
    redeemer.jobs("paper", CONDITION)
    redeemer.raw.delete(redeemer.queue.key)
    redeemer.job().set_status(JobStatus.STARTED)
    redeemer.clock.advance(2 * AGAIN_S)

    assert redeemer.jobs("paper", CONDITION)
    assert redeemer.queue.job_ids == [JOB]


@pytest.mark.pitfall(31)
def test_a_poison_job_fails_in_the_open_and_the_others_are_paid(redeemer: RedeemerFixture) -> None:
    redeemer.paper.node.payouts[OTHER] = (1, 0)
    hold(redeemer.paper.ledger, a_lot(outcome_index=5), a_lot(condition_id=OTHER, token_id="333"))
    watcher = ResolutionWatcher(
        "paper",
        PaperPlan(redeemer.paper.ledger, redeemer.paper.resolutions),
        redeemer.jobs,
        clock=redeemer.clock,
        scan_every_s=15,
    )

    assert watcher.scan() == 2
    redeemer.work()

    assert [event.condition_id for event in redeemer.redeemed()] == [OTHER]
    failure = redeemer.job().latest_result()
    assert redeemer.job().is_failed
    assert failure is not None
    assert "no outcome 5" in str(failure.exc_string)
    assert watcher.scan() == 0  # not again at once
    redeemer.clock.advance(2 * AGAIN_S)
    assert watcher.scan() == 1


def test_a_failed_job_waits_for_its_retry_and_is_then_done(redeemer: RedeemerFixture) -> None:
    """The retry's time is rq's own; the worker moves it back to the queue without a scheduler process."""
    hold(redeemer.paper.ledger, a_lot())
    redeemer.paper.node.away = redeemer.paper.data_api.away = True
    retrying = redeemer.queue_with(30)
    retrying("paper", CONDITION)
    redeemer.work()

    assert redeemer.job().get_status() == JobStatus.SCHEDULED
    assert not retrying("paper", CONDITION)

    redeemer.paper.node.away = False
    redeemer.raw.zadd(redeemer.queue.scheduled_job_registry.key, {JOB: 0})
    redeemer.work()
    assert redeemer.job().is_finished
    assert len(redeemer.redeemed()) == 1


def test_a_worker_without_a_cashier_says_what_to_start() -> None:
    with pytest.raises(DependencyMissing, match=r"python -m redeemer\.worker"):
        queue.redeem("paper", CONDITION)


@contextmanager
def running(worker: RedeemWorker) -> Generator[threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_a_worker_on_a_thread_takes_jobs_as_they_come_and_stops_when_told(valkey_url: str) -> None:
    redeemer = RedeemerFixture(valkey_url, **{CONDITION: (1, 0)})
    worker = RedeemWorker(redeemer.paper.redeemer, redeemer.redis, QUEUE, clock=SystemClock())
    hold(redeemer.paper.ledger, a_lot())

    with running(worker):
        redeemer.jobs("paper", CONDITION)
        wait_for(lambda: worker.snapshot()["succeeded"] >= 1)
        assert worker.ready()
        assert active_children() == []  # a scheduler process of rq's would outlive a kill

    assert len(redeemer.redeemed()) == 1
    assert not worker.ready()


@pytest.mark.pitfall(31)
def test_a_server_that_was_killed_and_came_back_finds_the_worker_waiting(redis_server: EmbeddedRedis) -> None:
    redeemer = RedeemerFixture(redis_server.url, **{CONDITION: (1, 0)})
    worker = RedeemWorker(redeemer.paper.redeemer, redeemer.redis, QUEUE, clock=SystemClock())
    hold(redeemer.paper.ledger, a_lot())
    redeemer.jobs("paper", OTHER)

    with running(worker):
        wait_for(lambda: worker.snapshot()["succeeded"] >= 1)
        redis_server.kill()
        with pytest.raises(Unavailable):
            redeemer.jobs("paper", CONDITION)
        redis_server.restart()
        redeemer.jobs("paper", CONDITION)
        wait_for(lambda: worker.snapshot()["succeeded"] >= 2)

    assert len(redeemer.redeemed()) == 1
    assert open_lots(redeemer.paper.ledger) == []


def test_of_two_watchers_one_looks_and_the_other_takes_over(redeemer: RedeemerFixture) -> None:
    hold(redeemer.paper.ledger, a_lot())
    first, second = (
        ResolutionWatcher(
            "paper",
            PaperPlan(redeemer.paper.ledger, redeemer.paper.resolutions),
            redeemer.jobs,
            clock=redeemer.clock,
            scan_every_s=15,
            lease=Lease(redeemer.redis, "redeemer:paper", name, clock=redeemer.clock, ttl_s=60),
        )
        for name in ("one", "two")
    )

    for watcher in (first, second, first):
        watcher.scan_once()
    assert [watcher.snapshot()["scans"] for watcher in (first, second)] == [2, 0]

    redeemer.redis.hset("hs:lease:redeemer:paper", "until_ms", "0")  # pyright: ignore[reportUnknownMemberType] - redis-py's sync/async union
    redeemer.clock.advance(60)
    for watcher in (second, first):
        watcher.scan_once()
    assert [watcher.snapshot()["scans"] for watcher in (first, second)] == [2, 1]
