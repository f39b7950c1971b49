"""The publish loop: the one thread that owns the matcher. Batches in, signals durably out, then cursors on.

Sources hand a batch in and wait. Redis away: the same publish is tried again until it is back or we stop; it is
idempotent, nothing is lost, and no cursor has moved (pitfall 31).
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable

from detector.domain.fill_view import FillView
from detector.domain.signal_draft import FillKey, SignalDraft, UnconfirmedFill
from detector.domain.source_port import Batch, Stopping
from detector.monitoring.source_stats import SourceStats
from detector.publishing.confirmation_recorder import ConfirmationNotes, ConfirmationRecorder
from detector.publishing.pending_confirmations import PendingSighting
from detector.publishing.replaced_transactions import ReplacedTransactions
from detector.publishing.signal_publisher import SignalPublisher
from shared import logs
from shared.clock import Clock
from shared.domain.errors import BadConfig
from shared.polymarket.wire.leader_fills import LeaderFill

_STOP_CHECK_S = 0.2  # a stop event cannot wake a queue, so it is looked at between waits
_MOST_SHOWN = 3  # problems of one batch that are logged; all are counted


class _WaitingBatch:
    """A batch and its answer."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.done = threading.Event()
        self.began = False
        self.error: BaseException | None = None

    def finish(self, error: BaseException | None = None) -> None:
        self.error = error
        self.done.set()


class _OthersViews:
    """Sightings by other detectors, or by us before a restart, of fills that wait here; nobody waits for the answer."""

    def __init__(self, views: Iterable[FillView]) -> None:
        self.views = tuple(views)


class _DueSightings:
    """What has waited long enough."""

    def __init__(self, sightings: tuple[PendingSighting, ...]) -> None:
        self.sightings = sightings


class PublishLoop:
    """Publish what sources hand in, one batch after the other.

    Args:
        stats: What is counted.
        trades: Publishes what the matcher of trades drafts; its matcher has the emit rule.
        merges: The same for merges.
        recorder: Records confirmations and what waits, and moves cursors.
        clock: The time.
        stop: Ends both threads.
        replaced: Which transactions are another one's match, sent again.
        tell_again: Tells what a server that went back has forgotten; called between two batches.
    """

    def __init__(
        self,
        stats: SourceStats,
        trades: SignalPublisher,
        merges: SignalPublisher,
        recorder: ConfirmationRecorder,
        *,
        clock: Clock,
        stop: threading.Event,
        replaced: ReplacedTransactions,
        tell_again: Callable[[], object] = lambda: None,
    ) -> None:
        self._replaced = replaced
        self._tell_again = tell_again
        self._failure: BaseException | None = None
        self._stats, self._clock, self._stop = stats, clock, stop
        self._trade_publisher, self._merge_publisher, self._recorder = trades, merges, recorder
        self._matcher, self._merges = trades.matcher, merges.matcher
        self._inbox: queue.SimpleQueue[_WaitingBatch | _OthersViews | _DueSightings] = queue.SimpleQueue()
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
        self._recorder.start(
            lambda views: self._inbox.put(_OthersViews(views)),
            lambda sightings: self._inbox.put(_DueSightings(sightings)),
        )

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
        job = _WaitingBatch(batch)
        self._inbox.put(job)
        while not job.done.wait(_STOP_CHECK_S):
            if self._ended.is_set() and not job.began:
                raise Stopping("the detector ends")
            if self._ended.is_set() and self._recorder.join(0):
                raise Stopping("the detector ends")
        if job.error is not None:
            raise job.error

    def publish_batch(self, batch: Batch) -> None:
        """Publish one batch, record what it confirms, then move its cursors: all on the caller's thread.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        self._recorder.record_notes(self._publish_views(batch))

    def decide_overdue(self, sightings: tuple[PendingSighting, ...]) -> None:
        """Decide what has waited long enough, on the caller's thread.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        self._recorder.record_notes(self._decide_sightings(sightings))

    def _publish_views(self, batch: Batch) -> ConfirmationNotes:
        for news in self._stats.count_batch(batch)[:_MOST_SHOWN]:
            self._log.warning("row_not_read", source=batch.source, problem=news)
        # Before matching: a source demoted a moment ago must confirm nothing of this batch.
        self._matcher.discounted = self._stats.demoted
        unconfirmed: list[UnconfirmedFill] = []
        if batch.replaces:
            self._trade_publisher.retry(lambda: self._replaced.accept(batch.replaces, batch.views))
        ready, views = list[SignalDraft](), list[FillView]()
        for view in map(self._renamed, batch.views):
            if _transactions(view) & {draft.key.tx_hash for draft in ready}:
                self._publish_ready(ready, views)
            matched = self._matcher.match_view(view)
            self._stats.count_sights(view.source, matched.fresh, matched.sights, view.seen_at_ms)
            unconfirmed += matched.unconfirmed
            ready += matched.drafts
            views.append(view)
        self._publish_ready(ready, views)
        for view in batch.merges:
            self._merge_publisher.publish_all(self._merges.match_view(view).drafts)
        return ConfirmationNotes(batch, self._matcher.drain_confirmations(), tuple(unconfirmed))

    def _publish_ready(self, ready: list[SignalDraft], views: list[FillView]) -> None:
        """Publish what these views called for, before another one shows the same transaction."""
        self._trade_publisher.publish_all(ready)
        for view in views:
            self._trade_publisher.note_mined(view)
        ready.clear()
        views.clear()

    def _decide_sightings(self, sightings: tuple[PendingSighting, ...]) -> ConfirmationNotes:
        for waiting in sightings:
            try:
                views = waiting.views
            except (ValueError, KeyError, TypeError):
                self._log.exception("waiting_unreadable", fact=waiting.fact, raw=waiting.raw[:300])
                continue
            renamed = [self._renamed(view) for view in views.values()]
            self._match_again(renamed)
            for key in {FillKey(fill.leader, fill.tx_hash, fill.token_id, fill.side) for fill in _fills(renamed)}:
                self._trade_publisher.publish(self._matcher.overdue_draft(key))
        return ConfirmationNotes(None, self._matcher.drain_confirmations(), (), sightings)

    def _match_others(self, views: Iterable[FillView]) -> ConfirmationNotes:
        self._match_again(views)
        return ConfirmationNotes(None, self._matcher.drain_confirmations())

    def _match_again(self, views: Iterable[FillView]) -> None:
        """Match what others showed; it was counted when it was first seen."""
        for view in map(self._renamed, views):
            self._trade_publisher.publish_all(self._matcher.match_view(view).drafts)

    def _renamed(self, view: FillView) -> FillView:
        return self._trade_publisher.retry(lambda: self._replaced.renamed(view))

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    job = self._inbox.get(timeout=_STOP_CHECK_S)
                except queue.Empty:
                    self._put_back()
                    continue
                self._do_job(job)
                self._put_back()
        except BaseException as error:  # noqa: BLE001 - carried to `run`, which ends the process by it
            self._failure = error
            self._stop.set()
        finally:
            self._ended.set()

    def _put_back(self) -> None:
        """Tell a server that went back what it forgot; told to stop meanwhile, the next start reads it again."""
        with contextlib.suppress(Stopping):
            self._tell_again()

    def _do_job(self, job: _WaitingBatch | _OthersViews | _DueSightings) -> None:
        if not isinstance(job, _WaitingBatch):
            # Nothing is lost by a stop here: it stays in Redis for whoever runs next.
            with contextlib.suppress(Stopping):
                notes = (
                    self._decide_sightings(job.sightings)
                    if isinstance(job, _DueSightings)
                    else self._match_others(job.views)
                )
                self._recorder.enqueue(notes, _NoWaiter())
            return
        job.began = True
        try:
            notes = self._publish_views(job.batch)
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
            self._recorder.enqueue(notes, job)


class _NoWaiter:
    """Stands in for a source where nobody waits: the recorder brought it about itself."""

    def finish(self, error: BaseException | None = None) -> None:
        """Take no notice."""


def _transactions(view: FillView) -> set[str]:
    return {fill.tx_hash for fill in view.fills}


def _fills(views: Iterable[FillView]) -> Iterable[LeaderFill]:
    return (fill for view in views for fill in view.fills)
