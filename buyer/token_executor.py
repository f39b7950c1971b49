"""Several signals at once, each token's in their order: while one order waits for its answer, others go out.

Everything that signals of different tokens share (cash, caps, controls, the order rate) is guarded in the intent's own
step, so they may be decided side by side; a token's lots, exits and orders see one signal after the other. A signal
always names its token, and not always its market: by markets a sell could overtake the buy of what it sells.
"""

import contextlib
import queue
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from shared.domain.errors import OutcomeUnknown, TryAgain
from shared.redis.streams import StreamEntry

MEANWHILE_S = 1.0
LINGER_S = 0.002
"""So long a result waits for the next one: what follows them goes out together."""
ALL = 1_000_000
"""The room where works are done as they begin."""
T = TypeVar("T")
_TOKEN = re.compile(r'"token_id"\s*:\s*"([^"]*)"')
_LEADER = re.compile(r'"leader"\s*:\s*"([^"]*)"')


class TokenExecutor:
    """At most `most` tokens are worked on at once; with one everything is done in the caller's thread.

    Its threads begin with the first entries of several tokens and end with `close`.
    """

    def __init__(self, most: int = 1) -> None:
        self._most = most
        self._pool: ThreadPoolExecutor | None = None

    def run(
        self,
        entries: Sequence[StreamEntry],
        handle: Callable[[StreamEntry], object],
        stop: threading.Event,
        meanwhile: Callable[[], None],
    ) -> None:
        """Handle every entry and come back when all are done, or when `stop` is set or one failed.

        `meanwhile` is run before each entry of a token alone, and every `MEANWHILE_S` while several work. What was not
        handled is left as it was delivered.

        Raises:
            Whatever `handle` or `meanwhile` raised; what cannot be cured by trying again comes first.
        """
        tokens = _by_token(entries)
        if self._most == 1 or len(tokens) == 1:
            for entry in entries:
                if stop.is_set():
                    return
                meanwhile()
                handle(entry)
            return
        over = threading.Event()
        work = deque(tokens)
        self._work_out(len(tokens), lambda: _work(work, handle, stop, over), meanwhile, over)

    def works(self, meanwhile: Callable[[], None], of: type[T]) -> "LaneWorks[T]":
        """Return what does works side by side, while others are still begun; they come to some of `of`."""
        del of
        if self._most == 1:
            return LaneWorks(ALL, None, meanwhile)
        pool = self._pool = self._pool or ThreadPoolExecutor(self._most, thread_name_prefix="lane")
        return LaneWorks(self._most, pool, meanwhile)

    def close(self) -> None:
        """End the threads; `run` has come back, so none is at work, and may be called again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()

    def _work_out(
        self, parts: int, lane: Callable[[], None], meanwhile: Callable[[], None], over: threading.Event
    ) -> None:
        """Let threads, as many as there are parts at most, each run `lane` until it comes back."""
        pool = self._pool = self._pool or ThreadPoolExecutor(self._most, thread_name_prefix="lane")
        busy = {pool.submit(lane) for _ in range(min(self._most, parts))}
        _raise([*_attended(busy, meanwhile, over), *(one.exception() for one in busy)])


class LaneWorks(Generic[T]):
    """Works of one caller, side by side: begun while others last, their results taken as they come.

    After a failure nothing more begins, except what is `owed`. Leaving the block waits for all that began, doing what
    is due meanwhile, and raises what failed, the block itself too: what cannot be cured by trying again comes first.
    Without a pool each is done where it is begun.
    """

    def __init__(self, most: int, pool: ThreadPoolExecutor | None, meanwhile: Callable[[], None]) -> None:
        self._most, self._pool, self._meanwhile = most, pool, meanwhile
        self._done = queue.SimpleQueue[tuple[list[T], BaseException | None]]()
        self._over, self._errors = threading.Event(), list[BaseException]()
        self._begun = 0

    def __enter__(self) -> "LaneWorks[T]":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._over.set()
        while self._begun:
            self.finished(wait=True)
        if error is None or isinstance(error, Exception):
            _raise([*([] if error is None else [error]), *self._errors])

    @property
    def room(self) -> int:
        """Return how many works can begin now without waiting for another; none after a failure."""
        return 0 if self._over.is_set() else max(0, self._most - self._begun)

    @property
    def busy(self) -> bool:
        """Say whether a work has not ended, or its result has not been taken."""
        return bool(self._begun)

    def begin(self, work: Callable[[], list[T]], *, owed: bool = False) -> None:
        """Do a work on a lane of its own; as many may begin as there is `room`, and others wait for a lane."""
        self._begun += 1
        if self._pool is None:
            self._attend()
            self._do(work, owed=owed)
        else:
            self._pool.submit(self._do, work, owed=owed)

    def finished(self, *, wait: bool) -> list[T]:
        """Do what is due `meanwhile`, and return what has finished; without other work, `wait` a while."""
        found: list[T] = []
        self._attend()
        wait_s = MEANWHILE_S if wait else 0.0
        with contextlib.suppress(queue.Empty):
            while self._begun:
                found += self._take(*(self._done.get(timeout=wait_s) if wait_s else self._done.get_nowait()))
                wait_s = LINGER_S if wait else 0.0
        return found

    def _attend(self) -> None:
        try:
            self._meanwhile()
        except Exception as error:  # noqa: BLE001 - raised when all have ended
            self._fail(error)

    def _do(self, work: Callable[[], list[T]], *, owed: bool) -> None:
        try:
            self._done.put((work() if owed or not self._over.is_set() else [], None))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            self._over.set()
            self._done.put(([], error))

    def _take(self, found: list[T], error: BaseException | None) -> list[T]:
        self._begun -= 1
        if error is not None:
            self._fail(error)
        return found

    def _fail(self, error: BaseException) -> None:
        self._over.set()
        self._errors.append(error)


def _tried(meanwhile: Callable[[], None], over: threading.Event) -> list[BaseException]:
    """Return what `meanwhile` raised, which ends all threads."""
    try:
        meanwhile()
    except Exception as error:  # noqa: BLE001 - raised when the threads have ended
        over.set()
        return [error]
    return []


def _attended(busy: set[Future[None]], meanwhile: Callable[[], None], over: threading.Event) -> list[BaseException]:
    """Wait until all work is done; return what `meanwhile` raised."""
    raised: list[BaseException] = []
    while wait(busy, MEANWHILE_S).not_done:
        raised += _tried(meanwhile, over)
    return raised


def _work(
    work: "deque[list[StreamEntry]]",
    handle: Callable[[StreamEntry], object],
    stop: threading.Event,
    over: threading.Event,
) -> None:
    """Take one token after the other; a failure ends all threads at their next entry."""
    try:
        while entries := _next(work):
            for entry in entries:
                if stop.is_set() or over.is_set():
                    return
                handle(entry)
    except BaseException:
        over.set()
        raise


def _next(work: "deque[list[StreamEntry]]") -> list[StreamEntry]:
    """Return a token's entries that nobody has taken yet; none when all are taken."""
    with contextlib.suppress(IndexError):
        return work.popleft()
    return []


def _by_token(entries: Sequence[StreamEntry]) -> list[list[StreamEntry]]:
    """Return the entries by token, in their order; those that name none are taken for one token."""
    found: dict[str, list[StreamEntry]] = {}
    for entry in entries:
        found.setdefault(token_of(entry.json), []).append(entry)
    return list(found.values())


def token_of(text: str) -> str:
    """Return the token that an event names, '' for none."""
    named = _TOKEN.search(text)
    return named[1] if named else ""


def leader_of(text: str) -> str:
    """Return the leader that an event names, '' for none."""
    named = _LEADER.search(text)
    return named[1] if named else ""


def _raise(errors: Sequence[BaseException | None]) -> None:
    raised = [error for error in errors if error is not None]
    for error in sorted(raised, key=lambda error: isinstance(error, TryAgain | OutcomeUnknown)):
        raise error
