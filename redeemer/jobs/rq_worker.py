"""The rq worker: runs redemption jobs on its thread.

rq's own forking worker is not used, for three reasons. A job is some reads and one atomic write, so a process of its
own protects nothing; a killed parent would leave its child running beside a second copy; and rq's scheduler would be a
forked process that outlives a killed worker. So jobs run on this service's thread, and those whose retry is due are
moved to the queue between two jobs.
"""

import threading
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from redeemer.jobs.allowed_job import AllowedJob
from redeemer.jobs.queue import PayingRedeemer, bytes_connection, employing_redeemer, redemption_queue
from shared import logs
from shared.clock import Clock
from shared.redis.client import SOCKET_TIMEOUT_S, translated_errors

STOP_CHECK_S = 1
"""How long an idle worker waits for a job before it looks at its stop event and at jobs whose retry is due."""

MAINTENANCE_EVERY_S = 60
RETRY_S = 1.0  # between two attempts at a server that is away


class ThreadWorker(SimpleWorker):
    """An rq worker that may run on any thread: no signals, no child processes, no command channel.

    It runs what the jobs of its queue may name (`AllowedJob`); any other job fails with a word and imports nothing.
    """

    death_penalty_class = TimerDeathPenalty

    def __init__(self, queue: Queue, connection: Redis, *, stop: threading.Event, clock: Clock) -> None:
        super().__init__(
            [queue],
            connection=connection,
            serializer=JSONSerializer,
            maintenance_interval=MAINTENANCE_EVERY_S,
            job_class=queue.job_class,
        )
        self._stop_event, self._clock = stop, clock
        self._retries = RQScheduler([queue], connection=connection, serializer=JSONSerializer, logging_level="WARNING")
        self.done = {True: 0, False: 0}
        self.answering = True

    @property
    def dequeue_timeout(self) -> int:
        """Return how long one wait for a job lasts."""
        return STOP_CHECK_S

    @property
    def connection_timeout(self) -> int:
        """Leave the connection's own timeout: no wait is longer."""
        return int(SOCKET_TIMEOUT_S)

    def subscribe(self) -> None:
        """Open no command channel: whoever reaches Redis could stop us, and its thread has to be kept alive."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Return the next job; None in burst mode (`timeout` None) when there is none.

        Raises:
            StopRequested: we were told to stop.
        """
        del max_idle_time
        while not self._stop_event.is_set():
            try:
                self._do_maintenance()
                return Queue.dequeue_any(
                    self.queues,
                    timeout,
                    connection=self.connection,
                    serializer=self.serializer,
                    job_class=self.job_class,
                )
            except DequeueTimeout:  # nothing waits: look at the stop event and at due retries
                continue
            except RedisError as error:
                self._say_away(error)
                self._clock.wait(self._stop_event, RETRY_S)
        raise StopRequested

    def _say_away(self, error: RedisError) -> None:
        """Say once for each outage why no job can be had, and what cures it."""
        if self.answering:
            said = translated_errors(self.connection, error) or error
            logs.get_logger("redeemer-worker").warning("redis_away", error=str(said))
        self.answering = False

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run a job and count it; say which one is refused."""
        if isinstance(job, AllowedJob) and job.problem:
            logs.get_logger("redeemer-worker").error("job_refused", job=job.id, queue=queue.name, problem=job.problem)
        succeeded = super().perform_job(job, queue, execution)
        self.done[succeeded] += 1
        return succeeded

    def teardown(self) -> None:
        """Leave nothing that another worker would have to wait for."""
        self._retries.release_locks()
        super().teardown()

    def _do_maintenance(self) -> None:
        """Say that we live, and enqueue jobs whose retry is due unless another worker does."""
        self.heartbeat()
        self.answering = True
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()
        # One worker at a time moves retries; a second one would enqueue a job twice.
        if self._retries.acquire_locks():
            self._retries.enqueue_scheduled_jobs()

    def _install_signal_handlers(self) -> None:
        """Signals are the process's business (`shared/process/service_runner.py`)."""


class RedeemWorker:
    """The service: a worker at its queue until told to stop, a new one when rq gives up on Redis."""

    name = "redeemer-worker"

    def __init__(self, redeemer: PayingRedeemer, redis: Redis, queue: str, *, clock: Clock) -> None:
        self._redeemer, self._redis, self._name, self._clock = redeemer, redis, queue, clock
        self._worker: ThreadWorker | None = None
        self._done = {True: 0, False: 0}
        self._log = logs.get_logger("redeemer", queue=queue)

    def run(self, stop: threading.Event) -> None:
        """Run jobs until `stop` is set; the one in hand is finished first."""
        with employing_redeemer(self._redeemer):
            while not stop.is_set():
                self._run_worker(stop)
                self._clock.wait(stop, RETRY_S)

    def burst(self, stop: threading.Event) -> None:
        """Run what waits in the queue, and return."""
        with employing_redeemer(self._redeemer):
            self._run_worker(stop, burst=True)

    def ready(self) -> bool:
        """Say whether it waits for jobs on a server that answers."""
        return self._worker is not None and self._worker.answering

    def snapshot(self) -> dict[str, Any]:
        """Return how many jobs ran, and how."""
        return {"queue": self._name, "succeeded": self._done[True], "failed": self._done[False]}

    def _run_worker(self, stop: threading.Event, *, burst: bool = False) -> None:
        try:
            connection = bytes_connection(self._redis)
            queue = redemption_queue(self._name, connection)
            self._worker = ThreadWorker(queue, connection, stop=stop, clock=self._clock)
            self._worker.done = self._done
            self._worker.work(burst=burst, logging_level="WARNING")
        except RedisError as error:
            self._log.warning("redis_away", error=str(error))
        finally:
            self._worker = None
