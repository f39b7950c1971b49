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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from shared.domain.errors import OutcomeUnknown, TryAgain
from shared.redis.streams import StreamEntry

MEANWHILE_S = 1.0
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

    def finished(self, works: Sequence[Callable[[], T]], meanwhile: Callable[[], None]) -> Iterator[list[T]]:
        """Do every work, side by side, and yield what is finished as it comes; a stop does not end them.

        Raises:
            As `run` does, when all that was finished has been yielded; some works may not have begun.
        """
        over, left, done = threading.Event(), deque(works), queue.SimpleQueue[T | None]()
        if self._most == 1 or len(works) <= 1:
            errors = _alone(left, done.put, meanwhile)
            if some := _drained(done, 0):
                yield some
            _raise(errors)
            return
        pool = self._pool = self._pool or ThreadPoolExecutor(self._most, thread_name_prefix="lane")
        busy = [pool.submit(_do_works, left, done.put, over) for _ in range(min(self._most, len(works)))]
        errors: list[BaseException] = []
        try:
            while not all(one.done() for one in busy) or not done.empty():
                if some := _drained(done, MEANWHILE_S):
                    yield some
                errors += _tried(meanwhile, over)
        finally:
            over.set()
            wait(busy)
        _raise([*errors, *(one.exception() for one in busy)])

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


def _do_works(left: "deque[Callable[[], T]]", tell: Callable[[T | None], None], over: threading.Event) -> None:
    """Take one work after the other; a failure ends all threads at their next work. None tells of the end."""
    try:
        while left and not over.is_set():
            try:
                work = left.popleft()
            except IndexError:  # another thread took the last one
                return
            tell(work())
    except BaseException:
        over.set()
        raise
    finally:
        tell(None)


def _alone(
    left: "deque[Callable[[], T]]", tell: Callable[[T | None], None], meanwhile: Callable[[], None]
) -> list[BaseException]:
    """Do one work after the other in this thread; return what ended them."""
    try:
        while left:
            meanwhile()
            tell(left.popleft()())
    except Exception as error:  # noqa: BLE001 - raised once what was finished has been taken
        return [error]
    return []


def _drained(done: "queue.SimpleQueue[T | None]", wait_s: float) -> list[T]:
    """Return what is finished, once there is something, or the time is over."""
    found: list[T | None] = []
    with contextlib.suppress(queue.Empty):
        found.append(done.get(timeout=wait_s) if wait_s else done.get_nowait())
        while True:
            found.append(done.get_nowait())
    return [one for one in found if one is not None]


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
