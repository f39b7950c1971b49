"""The rq queue of redemptions: one job for each wallet and condition.

rq decides only *when* a redemption is tried: it can run a job twice, and it can lose one. That it happens once is the
ledger's doing (`redeemer/redemption/redemption_ledger.py`), that it happens at all the watcher's, which enqueues again
what is still due.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ClassVar, Protocol

from redis import ConnectionPool, Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from redeemer.jobs.allowed_job import AllowedJob
from shared import logs
from shared.clock import Clock
from shared.domain.errors import DependencyMissing, HybridError
from shared.domain.money import micro_text
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import answering

JOB = "redeemer.jobs.redeem"
"""The path that is stored with each job: it never changes, so that a worker of another release knows it too."""
TIMEOUT_S = 150
"""The longest a job may take: live, it waits for the signer, for what is under way, and for its own transaction."""

RESULT_TTL_S = 3600
FAILURE_TTL_S = 7 * 24 * 3600
"""How long an operator can read what became of a job (`rq info`, or the job's hash)."""

_UNDER_WAY = frozenset({JobStatus.QUEUED, JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED, JobStatus.FAILED})
"""States that are left alone for a while; any other is over, and a condition still due is enqueued again at once."""


class PayingRedeemer(Protocol):
    """Does a job: a `PaperRedeemer` or a `LiveRedeemer`."""

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        """Redeem what `wallet` holds of a condition; None when there is nothing (more) to do."""
        ...


_redeemer: ContextVar[PayingRedeemer] = ContextVar("redeemer")

Enqueue = Callable[[str, str], bool]
"""Have `wallet`'s holdings of a condition redeemed; True when this call brought it about."""


def redeem(wallet: str, condition_id: str) -> dict[str, str]:
    """Do the job: redeem what is held now. The worker's process says by whom (`employing_redeemer`)."""
    redeemer = _redeemer.get(None)
    if redeemer is None:
        raise DependencyMissing("this worker has no redeemer: start it with `python -m redeemer.worker`")
    result = redeemer.redeem(wallet, condition_id)
    return {"redeemed": result.id, "paid": micro_text(result.paid)} if result else {"redeemed": "nothing held"}


class RedemptionJob(AllowedJob):
    """A job of this queue: it names `redeem`, or it is refused."""

    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {JOB: redeem}


@contextmanager
def employing_redeemer(redeemer: PayingRedeemer) -> Generator[None]:
    """Let jobs that run on this thread use `redeemer`."""
    token = _redeemer.set(redeemer)
    try:
        yield
    finally:
        _redeemer.reset(token)


def job_id(wallet: str, condition_id: str) -> str:
    """Name the job by its fact."""
    return f"redeem-{wallet}-{condition_id}"


def bytes_connection(redis: Redis) -> Redis:
    """Return a client of the same server, as careful, that answers bytes: rq reads compressed data from its hashes."""
    known = redis.connection_pool
    kept: dict[str, Any] = {**known.connection_kwargs, "decode_responses": False}
    return Redis(connection_pool=ConnectionPool(connection_class=known.connection_class, **kept))


def redemption_queue(name: str, connection: Redis) -> Queue:
    """Return rq's own queue, of jobs that are ours or refused; `connection` answers bytes."""
    return Queue(name, connection=connection, serializer=JSONSerializer, job_class=RedemptionJob)


class RedemptionQueue:
    """The queue, seen from the side that fills it. Call it as an `Enqueue`."""

    def __init__(
        self, redis: Redis, queue: str, *, clock: Clock, retry_after_s: tuple[int, ...], again_after_s: float
    ) -> None:
        self._redis = bytes_connection(redis)
        self._queue = redemption_queue(queue, self._redis)
        self._clock, self._again_after_s = clock, again_after_s
        self._retry = Retry(max=len(retry_after_s), interval=list(retry_after_s)) if retry_after_s else None

    def __call__(self, wallet: str, condition_id: str) -> bool:
        """Enqueue, unless a job for it waits, runs, or failed a moment ago.

        Raises:
            Unavailable: Redis is away; the next sweep asks again.
        """
        with answering(self._redis):
            if self._enqueue(wallet, condition_id):
                return True
            return self._delete_over(job_id(wallet, condition_id)) and self._enqueue(wallet, condition_id)

    def dead_jobs(self) -> dict[str, str]:
        """Return what failed last, by job name, of every job that used up its retries; the sweep runs it again.

        Raises:
            Unavailable: Redis is away.
        """
        with answering(self._redis):
            failed = FailedJobRegistry(queue=self._queue, serializer=JSONSerializer)
            jobs = RedemptionJob.fetch_many(failed.get_job_ids(), connection=self._redis, serializer=JSONSerializer)
            return {job.id: _last_words(job) for job in jobs if job is not None}

    def _enqueue(self, wallet: str, condition_id: str) -> bool:
        try:
            self._queue.enqueue_call(  # pyright: ignore[reportUnknownMemberType] - rq leaves its arguments untyped
                JOB,
                args=(wallet, condition_id),
                job_id=job_id(wallet, condition_id),
                unique=True,
                retry=self._retry,
                timeout=TIMEOUT_S,
                result_ttl=RESULT_TTL_S,
                failure_ttl=FAILURE_TTL_S,
                description=f"redeem {condition_id} for {wallet}",
            )
        except DuplicateJobError:
            return False
        return True

    def _delete_over(self, name: str) -> bool:
        """Delete a job that is over, or that nothing happened to for too long; False for one to leave alone."""
        try:
            job = RedemptionJob.fetch(name, connection=self._redis, serializer=JSONSerializer)
            state = job.get_status(refresh=False)
        except NoSuchJobError:  # it ended and was forgotten between the two steps
            return True
        # Waiting for hours is no fault: many jobs may be before it.
        if state == JobStatus.QUEUED and self._queue.get_job_position(name) is not None:
            return False
        if state in _UNDER_WAY and self._quiet_s(job) < self._again_after_s:
            return False
        job.delete()  # pyright: ignore[reportUnknownMemberType] - as above
        return True

    def _quiet_s(self, job: Job) -> float:
        moments = (job.created_at, job.enqueued_at, job.started_at, job.last_heartbeat, job.ended_at)
        last = max((moment.timestamp() for moment in moments if isinstance(moment, datetime)), default=0.0)
        return self._clock.now_ms() / 1000 - last


def _last_words(job: Job) -> str:
    """Return the last line of what a job died of."""
    result = job.latest_result()
    words = (result.exc_string or "").strip() if result else ""
    return words.rpartition("\n")[2] or "it does not say why"


def redeem_inline(redeemer: PayingRedeemer) -> Enqueue:
    """Return an `Enqueue` that does the job at once on the caller's thread: one process, no worker (`run_service`).

    What fails is logged and left to the next sweep.
    """
    log = logs.get_logger("redeemer")

    def do_it(wallet: str, condition_id: str) -> bool:
        try:
            return redeemer.redeem(wallet, condition_id) is not None
        except HybridError as error:
            log.warning("redemption_failed", condition=condition_id, error=str(error))
            return False

    return do_it
