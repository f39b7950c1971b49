"""A paper on a real server, with its queue and its worker."""

import threading
from collections.abc import Callable

from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer

from redeemer.jobs.queue import RedemptionQueue, bytes_connection, job_id
from redeemer.jobs.rq_worker import RedeemWorker
from shared.clock import ManualClock, SystemClock
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from tests.redeemer.builders import CONDITION, PaperRedeemerFixture

QUEUE = "redeem"
JOB = job_id("paper", CONDITION)
AGAIN_S = 180.0


class RedeemerFixture:
    """Everything a redemption needs; its clock starts now and moves when told, rq's runs by itself."""

    def __init__(self, url: str, **payouts: tuple[int, ...]) -> None:
        self.redis = connect_redis(url)
        self.paper = PaperRedeemerFixture(RedisLedger(self.redis, "paper"), **payouts)
        self.clock = ManualClock(SystemClock().now_ms())
        self.jobs = self.queue_with()
        self.worker = RedeemWorker(self.paper.redeemer, self.redis, QUEUE, clock=self.clock)
        self.raw = bytes_connection(self.redis)
        self.queue = Queue(QUEUE, connection=self.raw, serializer=JSONSerializer)

    def queue_with(self, *retry_after_s: int) -> RedemptionQueue:
        return RedemptionQueue(self.redis, QUEUE, clock=self.clock, retry_after_s=retry_after_s, again_after_s=AGAIN_S)

    def work(self) -> None:
        self.worker.burst(threading.Event())

    def job(self, name: str = JOB) -> Job:
        return Job.fetch(name, connection=self.raw, serializer=JSONSerializer)

    def redeemed(self) -> list[RedemptionResult]:
        events = [read_event(entry.json) for entry in stream_tail(self.redis, REDEMPTIONS, 100)]
        return [event for event in events if isinstance(event, RedemptionResult)]


def wait_for(fact: Callable[[], bool]) -> None:
    """Wait until something another thread or process does is visible, for 10 s at most."""
    clock, never = SystemClock(), threading.Event()
    for _ in range(500):
        if fact():
            return
        clock.wait(never, 0.02)
    raise AssertionError("it did not happen in 10 s")
