"""Several signals at once, each token's in their order: while one order waits for its answer, others go out.

Everything that signals of different tokens share (cash, caps, controls, the order rate) is guarded in the intent's own
step, so they may be decided side by side; a token's lots, exits and orders see one signal after the other. A signal
always names its token, and not always its market: by markets a sell could overtake the buy of what it sells.
"""

import contextlib
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from shared.domain.errors import OutcomeUnknown, TryAgain
from shared.redis.streams import StreamEntry

MEANWHILE_S = 1.0
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

    def run_works(self, works: Sequence[Callable[[], None]], meanwhile: Callable[[], None]) -> None:
        """Do every work, side by side, and come back when all are done or one failed; a stop does not end them.

        Raises:
            As `run` does; some works may not have begun.
        """
        if self._most == 1 or len(works) <= 1:
            for work in works:
                meanwhile()
                work()
            return
        over, left = threading.Event(), deque(works)
        self._work_out(len(works), lambda: _do_works(left, over), meanwhile, over)

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


def _do_works(left: "deque[Callable[[], None]]", over: threading.Event) -> None:
    """Take one work after the other; a failure ends all threads at their next work."""
    try:
        while left and not over.is_set():
            try:
                work = left.popleft()
            except IndexError:  # another thread took the last one
                return
            work()
    except BaseException:
        over.set()
        raise


def _attended(busy: set[Future[None]], meanwhile: Callable[[], None], over: threading.Event) -> list[BaseException]:
    """Wait until all work is done; return what `meanwhile` raised."""
    raised: list[BaseException] = []
    while wait(busy, MEANWHILE_S).not_done:
        try:
            meanwhile()
        except Exception as error:  # noqa: BLE001 - raised when the threads have ended
            over.set()
            raised.append(error)
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
