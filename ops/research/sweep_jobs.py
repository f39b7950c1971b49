"""One rq job for each try of a sweep, and the worker that runs them: on as many machines as there are.

rq decides only *when* a try runs. Its score is stored under the name of its settings, its history and the code, and is
the same whoever computes it: so a try may run twice, and one that a killed worker took with it is enqueued again.
"""

import json
import threading
from collections.abc import Callable, Container, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, ClassVar, cast

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker, get_current_job
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from backtest.sweep.plan import Settings
from backtest.sweep.trial import OpenPaths, TrialScore, TrialSpec, run_trial, trial_id
from redeemer.jobs.allowed_job import AllowedJob
from redeemer.jobs.queue import bytes_connection
from redeemer.jobs.rq_worker import ThreadWorker
from shared.clock import Clock, SystemClock
from shared.domain.errors import BadConfig, DependencyMissing, HybridError
from shared.redis.client import answering

JOB = "ops.sweep_jobs.run"
"""The path that is stored with each job: it never changes, so that workers of other releases know it too."""
QUEUE = "sweep"
TIMEOUT_S = 6 * 3600
KEPT_S = 3600
BEAT_S = 2.0
SILENT_MS = 8000
"""A worker that said nothing for so long is taken for dead, and its try is given to another."""
RETRY_S = 1.0

_UNDER_WAY = frozenset({JobStatus.QUEUED, JobStatus.STARTED})
_histories: ContextVar[OpenPaths] = ContextVar("histories")
"""How jobs on this thread open histories: the worker's process says it, no job does."""


def scores_key(spec: TrialSpec) -> str:
    """Name the hash of a history's scores: try -> JSON."""
    return f"hs:sweep:{spec.history}"


def run(spec_json: str, varied: dict[str, str]) -> str:
    """Do the job: run one try and store its score, or the error that stopped it."""
    job = get_current_job()
    if job is None:
        raise RuntimeError("a sweep's job is run by a worker: start `hybrid sweep-worker`")
    open_paths = _histories.get(None)
    if open_paths is None:
        raise DependencyMissing("this worker opens no histories: start it with `hybrid sweep-worker`")
    redis, spec = job.connection, TrialSpec.model_validate_json(spec_json)
    name = trial_id(spec, varied)
    with _alive(redis, name):
        try:
            _refuse_paths(spec, varied)
            found = run_trial(spec, varied, open_paths).model_dump_json()
        except (HybridError, ValueError) as error:
            found = json.dumps({"error": str(error), "settings": varied})
        redis.hset(scores_key(spec), name, found)
    return name


def _refuse_paths(spec: TrialSpec, varied: Mapping[str, str]) -> None:
    """Refuse a setting that names a file here: `hybrid sweep` sends a file's contents.

    Raises:
        BadConfig: naming it.
    """
    for name, value in {"leader_limits": spec.limits.leader_limits, **varied}.items():
        if value.startswith("@"):
            raise BadConfig(f"{name}={value}: a try may name no file of a worker's machine")


class SweepJob(AllowedJob):
    """A job of this queue: it names `run`, or it is refused."""

    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {JOB: run}


@contextmanager
def _alive(redis: Redis, name: str) -> Generator[None]:
    """Keep saying that a try is being run; a killed process stops saying it."""
    clock, done = SystemClock(), threading.Event()

    def beat() -> None:
        while not clock.wait(done, BEAT_S):
            _say(redis, name)

    _say(redis, name)
    thread = threading.Thread(target=beat, name="sweep-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(RedisError):
            redis.delete(_running(name))


def _say(redis: Redis, name: str) -> None:
    """Say it; where the server is away it is said again, and nothing rests on it but how soon another one starts."""
    with suppress(RedisError):
        redis.set(_running(name), "1", px=SILENT_MS)


def _running(name: str) -> str:
    return f"hs:sweep:running:{name}"


def _job_id(name: str) -> str:
    return f"sweep-{name}"


class SweepJobs:
    """The queue and the scores, seen from the side that wants them."""

    def __init__(self, redis: Redis, spec: TrialSpec) -> None:
        self._redis, self._spec = redis, spec
        self._raw = bytes_connection(redis)
        self._queue = Queue(QUEUE, connection=self._raw, serializer=JSONSerializer, job_class=SweepJob)
        self._silent: Container[str] = ()
        self.again = 0
        """Tries that were offered again: their worker was lost, or an earlier sweep left them."""

    def known(self, names: Sequence[str]) -> dict[str, str]:
        """Return the stored JSON of those that are done.

        Raises:
            Unavailable: the server is away.
        """
        with answering(self._redis):
            found = cast("list[str | None]", self._redis.hmget(scores_key(self._spec), list(names)))
        return {name: text for name, text in zip(names, found, strict=True) if text}

    def forget(self, names: Sequence[str]) -> None:
        """Drop stored errors, so that these are tried again."""
        with answering(self._redis):
            self._redis.hdel(scores_key(self._spec), *names)

    def offer(self, tries: Mapping[str, Settings]) -> None:
        """Enqueue what neither waits nor runs."""
        with answering(self._redis):
            waiting = set(self._queue.get_job_ids())
            silent = [name for name, varied in tries.items() if self._is_silent(name, varied, waiting)]
            for name in silent:
                if name in self._silent or not self._under_way(name):
                    self._drop(name)
                    self.again += self._enqueue(name, tries[name])
            self._silent = frozenset(silent)

    def _is_silent(self, name: str, varied: Settings, waiting: Container[str]) -> bool:
        """Say whether a job is there that neither waits, nor runs, nor has brought a score; enqueue one that is not."""
        if _job_id(name) in waiting or self._raw.exists(_running(name)) or self._enqueue(name, varied):
            return False
        return not self._redis.hexists(scores_key(self._spec), name)  # who ends a try stores its score first

    def _under_way(self, name: str) -> bool:
        """Say whether a worker may just have taken a job: lost is only what is silent at two offers in a row."""
        job = self._fetch(name)
        return job is not None and job.get_status(refresh=False) in _UNDER_WAY

    def workers(self) -> int:
        """Return how many workers are there for this queue."""
        with answering(self._redis):
            return Worker.count(queue=self._queue)

    def _enqueue(self, name: str, varied: Settings) -> bool:
        try:
            self._queue.enqueue_call(  # pyright: ignore[reportUnknownMemberType] - rq leaves its arguments untyped
                JOB,
                args=(self._spec.model_dump_json(), varied),
                job_id=_job_id(name),
                unique=True,
                timeout=TIMEOUT_S,
                result_ttl=KEPT_S,
                failure_ttl=KEPT_S,
                description=f"sweep {varied}",
            )
        except DuplicateJobError:
            return False
        return True

    def _fetch(self, name: str) -> Job | None:
        try:
            return SweepJob.fetch(_job_id(name), connection=self._raw, serializer=JSONSerializer)
        except NoSuchJobError:
            return None

    def _drop(self, name: str) -> None:
        """Delete a job whose worker died, or whose score was forgotten; were it still run, its score is the same."""
        if job := self._fetch(name):
            job.delete()  # pyright: ignore[reportUnknownMemberType] - as above
        else:  # a word that a worker wrote of a job that was deleted under it
            self._raw.delete(SweepJob.key_for(_job_id(name)))


def work(redis: Redis, open_paths: OpenPaths, stop: threading.Event, clock: Clock, *, burst: bool = False) -> int:
    """Run tries until `stop` is set, or with `burst` until none waits; return how many were run."""
    _histories.set(open_paths)
    done = {True: 0, False: 0}
    while not stop.is_set():
        connection = bytes_connection(redis)
        queue = Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=SweepJob)
        try:
            worker = ThreadWorker(queue, connection, stop=stop, clock=clock)
            worker.done = done
            worker.work(burst=burst, logging_level="WARNING")
        except RedisError:
            clock.wait(stop, RETRY_S)
        if burst:
            break
    return done[True] + done[False]


def read(texts: Mapping[str, str]) -> tuple[dict[str, TrialScore], dict[str, Any]]:
    """Return scores and errors by try."""
    scores: dict[str, TrialScore] = {}
    errors: dict[str, Any] = {}
    for name, text in texts.items():
        if text.startswith('{"error"'):
            errors[name] = json.loads(text)
        else:
            scores[name] = TrialScore.model_validate_json(text)
    return scores, errors
