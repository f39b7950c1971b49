"""The one thread that owns the matcher: batches in, signals durably out, then cursors on.

Sources hand a batch in and wait. Redis away: the same publish is tried again until it is back or we stop; it is
idempotent, nothing is lost, and no cursor has moved (pitfall 31).
"""

import contextlib
import queue
import threading
from collections.abc import Iterable
from functools import partial

from redis import Redis

from detector.domain.fill_view import View
from detector.domain.matcher import Matcher
from detector.domain.signal_draft import FillKey, PendingWait
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from detector.publishing.confirmation_recorder import ConfirmationNotes, ConfirmationRecorder
from detector.publishing.pending_confirmations import HeldSighting, PendingConfirmations
from detector.publishing.retry_until_up import RetryUntilUp
from detector.publishing.signal_publisher import Emit, Label, SignalPublisher, nameless_token
from detector.sources.port import Batch, Stopping
from shared import logs
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.polymarket.market_facts import MarketCache
from shared.polymarket.wire.leader_fills import LeaderFill

_LOOK_EVERY_S = 0.2
_MOST_SHOWN = 3


class _Job:
    """A batch and its answer."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.done = threading.Event()
        self.taken = False
        self.error: BaseException | None = None

    def finish(self, error: BaseException | None = None) -> None:
        self.error = error
        self.done.set()


class _Views:
    """What other detectors, or an earlier life, showed of fills that wait here; nobody waits for the answer."""

    def __init__(self, views: Iterable[View]) -> None:
        self.views = tuple(views)


class _Due:
    """What has waited long enough."""

    def __init__(self, held: tuple[HeldSighting, ...]) -> None:
        self.held = held


class PublishLoop:
    """Publish what sources hand in. `emit` sees each new signal after it is durable.

    Args:
        redis: The connection.
        board: What is counted.
        cursors: Where progress is kept.
        emit: Who hears of signals.
        clock: The time.
        stop: Ends both threads.
        matcher: The owner of match state, with its emit rule.
        markets: Where facts of markets are at hand.
        within_ms: How long a fill waits for a second source.
        label: A leader's name.
    """

    def __init__(
        self,
        redis: Redis,
        board: SourceStats,
        cursors: CursorStore,
        emit: Emit,
        *,
        clock: Clock,
        stop: threading.Event,
        matcher: Matcher | None = None,
        markets: MarketCache | None = None,
        within_ms: int = 30_000,
        label: Label = nameless_token,
    ) -> None:
        self._failure: BaseException | None = None
        self._board, self._clock, self._stop = board, clock, stop
        self._matcher = Matcher() if matcher is None else matcher
        patience = RetryUntilUp(clock, stop)
        self._merges = Matcher()
        outbox = partial(SignalPublisher, redis, board, patience=patience, clock=clock, markets=markets, label=label)
        self._outbox, self._merged = outbox(self._matcher, emit), outbox(self._merges, emit)
        room = PendingConfirmations(redis, within_ms)
        self._recorder = ConfirmationRecorder(redis, board, cursors, room, patience=patience, clock=clock, stop=stop)
        self._inbox: queue.SimpleQueue[_Job | _Views | _Due] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._log = logs.get_logger("detector")

    @property
    def failure(self) -> BaseException | None:
        """Return what ended a thread, if anything did."""
        return self._failure or self._recorder.failure

    def start(self) -> None:
        """Begin to take batches."""
        self._thread.start()
        self._recorder.start(lambda views: self._inbox.put(_Views(views)), lambda held: self._inbox.put(_Due(held)))

    def join(self, seconds: float) -> bool:
        """Wait for the threads after `stop`; return False when one is still busy."""
        ends = self._clock.monotonic() + seconds
        self._thread.join(seconds)
        return self._recorder.join(max(0.0, ends - self._clock.monotonic())) and not self._thread.is_alive()

    def sink(self, batch: Batch) -> None:
        """Hand in a batch; return when it is durably published and its cursors are stored.

        Raises:
            Stopping: it will not be.
        """
        job = _Job(batch)
        self._inbox.put(job)
        while not job.done.wait(_LOOK_EVERY_S):
            if self._ended.is_set() and not job.taken:
                raise Stopping("the detector ends")
            if self._ended.is_set() and self._recorder.join(0):
                raise Stopping("the detector ends")
        if job.error is not None:
            raise job.error

    def handle(self, batch: Batch) -> None:
        """Publish one batch, record what it confirms, then move its cursors: all on the caller's thread.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        self._recorder.record(self._published(batch))

    def decide(self, held: tuple[HeldSighting, ...]) -> None:
        """Settle what has waited long enough, on the caller's thread.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        self._recorder.record(self._decided(held))

    def _published(self, batch: Batch) -> ConfirmationNotes:
        for news in self._board.received(batch)[:_MOST_SHOWN]:
            self._log.warning("row_not_read", source=batch.source, problem=news)
        self._matcher.discounted = self._board.demoted
        waits: list[PendingWait] = []
        for view in batch.views:
            look = self._matcher.see(view)
            self._board.matched(view.source, look.fresh, look.sights, view.seen_at_ms)
            waits += look.waits
            for draft in look.drafts:
                self._outbox.publish(draft)
        for view in batch.merges:
            for draft in self._merges.see(view).drafts:
                self._merged.publish(draft)
        return ConfirmationNotes(batch, self._matcher.take_confirmations(), tuple(waits))

    def _decided(self, held: tuple[HeldSighting, ...]) -> ConfirmationNotes:
        for waiting in held:
            try:
                views = waiting.views
            except (ValueError, KeyError, TypeError):
                self._log.exception("waiting_unreadable", fact=waiting.fact, raw=waiting.raw[:300])
                continue
            self._look_again(views.values())
            for key in {
                FillKey(fill.leader, fill.tx_hash, fill.token_id, fill.side) for fill in _fills(views.values())
            }:
                self._outbox.publish(self._matcher.overdue(key))
        return ConfirmationNotes(None, self._matcher.take_confirmations(), (), held)

    def _heard(self, views: Iterable[View]) -> ConfirmationNotes:
        self._look_again(views)
        return ConfirmationNotes(None, self._matcher.take_confirmations())

    def _look_again(self, views: Iterable[View]) -> None:
        """Take in what is known from the waiting room; it was counted when it was first seen."""
        for view in views:
            for draft in self._matcher.see(view).drafts:
                self._outbox.publish(draft)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    job = self._inbox.get(timeout=_LOOK_EVERY_S)
                except queue.Empty:
                    continue
                self._answer(job)
        except BaseException as error:  # noqa: BLE001 - carried to `run`, which ends the process by it
            self._failure = error
            self._stop.set()
        finally:
            self._ended.set()

    def _answer(self, job: _Job | _Views | _Due) -> None:
        if not isinstance(job, _Job):
            with contextlib.suppress(Stopping):
                notes = self._decided(job.held) if isinstance(job, _Due) else self._heard(job.views)
                self._recorder.put(notes, _Nobody())
            return
        job.taken = True
        try:
            notes = self._published(job.batch)
        except Stopping as error:
            job.finish(error)
        except BadConfig as error:
            self._failure = error
            self._stop.set()
            job.finish(Stopping(str(error)))
        except Exception as error:  # noqa: BLE001 - the source hears of it; the loop goes on (pitfall 29)
            self._log.exception("batch_failed", source=job.batch.source)
            job.finish(error)
        else:
            self._recorder.put(notes, job)


class _Nobody:
    """Who waits for what the recorder itself brought about."""

    def finish(self, error: BaseException | None = None) -> None:
        """Take no notice."""


def _fills(views: Iterable[View]) -> Iterable[LeaderFill]:
    return (fill for view in views for fill in view.fills)
