"""The one thread that owns the matcher: batches in, signals durably out, then cursors on.

Sources hand a batch in and wait. Redis away: the same publish is tried again until it is back or we stop; it is
idempotent, nothing is lost, and no cursor has moved (trap 31).
"""

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from redis import Redis

from detector.board import Board
from detector.cursors import CursorStore
from detector.matcher import Draft, Matcher
from detector.signals import fact_of, signal_of
from detector.sources.port import Batch, Stopping
from shared import logs, metrics
from shared.clock import Clock
from shared.errors import BadConfig, Unavailable
from shared.events import SIGNALS, ActionableSignal
from shared.polymarket.markets import MarketCache
from shared.streams import Published, publish_once

RETRY_S = 1.0
_LOOK_EVERY_S = 0.2
_MOST_SHOWN = 3

Emit = Callable[[ActionableSignal], None]
Answer = TypeVar("Answer")


class _Job:
    """A batch and its answer."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.done = threading.Event()
        self.error: BaseException | None = None

    def finish(self, error: BaseException | None = None) -> None:
        self.error = error
        self.done.set()


class Publisher:
    """Publish what sources hand in. `emit` sees each new signal after it is durable."""

    def __init__(
        self,
        redis: Redis,
        board: Board,
        cursors: CursorStore,
        emit: Emit,
        *,
        clock: Clock,
        stop: threading.Event,
        matcher: Matcher | None = None,
        markets: MarketCache | None = None,
    ) -> None:
        self.failure: BaseException | None = None
        self._redis, self._board, self._cursors, self._emit = redis, board, cursors, emit
        self._clock, self._stop = clock, stop
        self._matcher = matcher or Matcher()
        self._markets = markets
        self._inbox: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._log = logs.get("detector")

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; return False when it is still busy."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def sink(self, batch: Batch) -> None:
        """Hand in a batch; return when it is durably published and its cursors are stored.

        Raises:
            Stopping: it will not be.
        """
        job = _Job(batch)
        self._inbox.put(job)
        while not job.done.wait(_LOOK_EVERY_S):
            if self._ended.is_set():
                raise Stopping("the detector ends")
        if job.error is not None:
            raise job.error

    def handle(self, batch: Batch) -> None:
        """Publish one batch, then move its cursors.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        for news in self._board.received(batch)[:_MOST_SHOWN]:
            self._log.warning("row_not_read", source=batch.source, problem=news)
        for view in batch.views:
            look = self._matcher.see(view)
            self._board.matched(view.source, look.fresh, look.later_lags_ms)
            for draft in look.drafts:
                self._publish(draft)
        self._patiently(lambda: self._cursors.advance(batch.source, batch.cursors))

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    job = self._inbox.get(timeout=_LOOK_EVERY_S)
                except queue.Empty:
                    continue
                self._answer(job)
        except BaseException as error:  # noqa: BLE001 - carried to `run`, which ends the process by it
            self.failure = error
            self._stop.set()
        finally:
            self._ended.set()

    def _answer(self, job: _Job) -> None:
        try:
            self.handle(job.batch)
        except Stopping as error:
            job.finish(error)
        except BadConfig as error:
            self.failure = error
            self._stop.set()
            job.finish(Stopping(str(error)))
        except Exception as error:  # noqa: BLE001 - the source hears of it; the loop goes on (trap 29)
            self._log.exception("batch_failed", source=job.batch.source)
            job.finish(error)
        else:
            job.finish()

    def _publish(self, draft: Draft | None) -> None:
        """Publish a draft, and what is still missing if somebody else had published less."""
        while draft is not None:
            try:
                facts = self._markets.get(draft.key.token_id) if self._markets else None
                signal = signal_of(draft, self._clock.now_ms(), facts)
            except ValidationError:
                self._log.exception("signal_invalid", leader=draft.key.leader, tx_hash=draft.key.tx_hash)
                self._matcher.expired(draft)
                return
            draft = self._settled(draft, signal, *self._sent(draft, signal))

    def _sent(self, draft: Draft, signal: ActionableSignal) -> tuple[Published, int]:
        """Return the server's answer, and how often an answer was lost before."""
        lost = 0

        def once() -> Published:
            nonlocal lost
            lost += 1
            return publish_once(
                self._redis,
                SIGNALS,
                signal,
                fact=fact_of(draft),
                value=draft.value,
                expected=draft.expected,
                age=draft.traded_at_ms,
            )

        return self._patiently(once), lost - 1

    def _settled(self, draft: Draft, signal: ActionableSignal, answer: Published, lost: int) -> Draft | None:
        ours = answer.state == "known" and lost > 0 and answer.value == draft.value
        if answer.state == "published" or ours:
            self._matcher.published(draft)
            self._announce(draft, signal)
            return None
        self._board.repeated()
        if answer.state == "expired":
            self._log.warning("signal_expired", signal=signal.id, leader=signal.leader, horizon_ms=answer.value)
            self._matcher.expired(draft)
            return None
        return self._matcher.known(draft, answer.value)

    def _announce(self, draft: Draft, signal: ActionableSignal) -> None:
        lag_ms = draft.seen_at_ms - draft.traded_at_ms
        self._board.signalled(draft.source, lag_ms)
        metrics.counter("signals_total", "Signals published.", "source").labels(draft.source).inc()
        metrics.histogram("signal_lag_seconds", "From the trade's block to our sight of it.", "source").labels(
            draft.source
        ).observe(max(0, lag_ms) / 1000)
        if self._markets:
            self._markets.warm([signal.token_id])
        self._emit(signal)

    def _patiently(self, act: Callable[[], Answer]) -> Answer:
        """Do what is safe to do again until Redis answers.

        Raises:
            Stopping: told to stop before it did.
        """
        told = False
        while True:
            try:
                return act()
            except Unavailable as error:
                if not told:
                    self._log.warning("redis_away", error=str(error))
                    told = True
                if self._clock.wait(self._stop, RETRY_S):
                    raise Stopping("told to stop while Redis was away") from error
