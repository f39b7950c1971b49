"""Records what is no signal but must be durable before a cursor moves: confirmations, and fills that wait.

It has a thread of its own, so that it never stands between a sighting and its signal. The same thread looks regularly
at what has waited long enough, and at how the sources are doing.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from msgspec.structs import replace
from redis import Redis

from detector.domain.fill_view import FillView
from detector.domain.signal_builder import build_confirmation, confirmation_dedup_key
from detector.domain.signal_draft import Confirmation, UnconfirmedFill
from detector.domain.source_port import Batch, Stopping
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from detector.publishing.pending_confirmations import PendingConfirmations, PendingSighting
from detector.publishing.pending_signals import PendingSignals
from detector.publishing.receipt_witness import ReceiptWitness
from detector.publishing.recent_writes import RecentWrites
from detector.publishing.replaced_transactions import ReplacedTransactions
from detector.publishing.retry_until_up import RetryUntilUp
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.messages.base import SIGHTINGS
from shared.messages.signals import FillConfirmed
from shared.redis.streams import FactRecord, PublishedEntry, publish_each

CHECK_EVERY_S = 0.25
"""Between two checks of what is due; a wait for a second source ends that much late at most."""
MOST_UNWAITED = 1000
"""Batches that nobody waits for; beyond that a push source has to wait as well."""


class BatchWaiter(Protocol):
    """Whoever waits for a batch."""

    def finish(self, error: BaseException | None = None) -> None:
        """Take the answer."""
        ...


class ConfirmationNotes(NamedTuple):
    """What a batch leaves to be recorded; `decided` waited for a second source and is decided now."""

    batch: Batch | None = None
    confirmations: tuple[Confirmation, ...] = ()
    unconfirmed: tuple[UnconfirmedFill, ...] = ()
    decided: tuple[PendingSighting, ...] = ()

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to record."""
        return not (self.confirmations or self.unconfirmed or self.decided)


class ConfirmationRecorder:
    """Record notes, then move the batch's cursors, then let its source go on.

    Args:
        redis: The connection.
        stats: Counts confirmations; its sources are judged at each check.
        cursors: Where progress is kept.
        pending: Where fills wait for a second source.
        retry: How often the server is asked again.
        clock: The time.
        stop: Ends the thread.
        witness: A second node, asked about what waits.
        replaced: Which transactions are another one's match, sent again.
    """

    def __init__(
        self,
        redis: Redis,
        stats: SourceStats,
        cursors: CursorStore,
        pending: PendingConfirmations,
        *,
        retry: RetryUntilUp,
        clock: Clock,
        stop: threading.Event,
        witness: ReceiptWitness | None = None,
        recent: RecentWrites | None = None,
        pending_signals: PendingSignals | None = None,
        replaced: ReplacedTransactions,
    ) -> None:
        self._pending_signals, self._replaced = pending_signals, replaced
        self._recent = recent or RecentWrites(clock)
        self.failure: BaseException | None = None
        self._redis, self._stats, self._cursors, self._pending = redis, stats, cursors, pending
        self._retry, self._clock, self._stop, self._witness = retry, clock, stop, witness
        self._inbox: queue.SimpleQueue[tuple[ConfirmationNotes, BatchWaiter | None]] = queue.SimpleQueue()
        self._on_views: Callable[[Iterable[FillView]], None] = lambda _: None
        self._on_due: Callable[[tuple[PendingSighting, ...]], None] = lambda _: None
        self._deciding = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._log = logs.get_logger("detector")

    def start(
        self, on_views: Callable[[Iterable[FillView]], None], on_due: Callable[[tuple[PendingSighting, ...]], None]
    ) -> None:
        """Begin; `on_views` gets what others showed of a fill that waits here, `on_due` what waited long enough."""
        self._on_views, self._on_due = on_views, on_due
        self._thread.start()
        if self._witness:
            self._witness.start(on_views)

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; return False when it is still busy."""
        ends = self._clock.monotonic() + seconds
        if self._thread.ident is not None:
            self._thread.join(seconds)
        heard = self._witness is None or self._witness.join(max(0.0, ends - self._clock.monotonic()))
        return heard and not self._thread.is_alive()

    def enqueue(self, notes: ConfirmationNotes, waiter: BatchWaiter) -> None:
        """Record on the other thread, then answer `waiter`; a source without cursors need not wait for that."""
        unwaited = notes.batch is not None and not notes.batch.cursors and self._inbox.qsize() < MOST_UNWAITED
        if unwaited:
            waiter.finish()
        self._inbox.put((notes, None if unwaited else waiter))

    def record_notes(self, notes: ConfirmationNotes) -> None:
        """Record what a batch left, then move its cursors.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        if self._witness:
            self._witness.ask(notes.unconfirmed)
        # In this order: what a crash in between leaves out is shown again, because the cursor has not moved.
        self._confirm(notes.confirmations)
        held = self._retry(lambda: self._pending.add_sightings(notes.unconfirmed))
        for wait, sighting in zip(notes.unconfirmed, held, strict=True):
            self._recent.remember(SIGHTINGS, (), lambda wait=wait: self._noted(wait))
            others = [view for source, view in sighting.views.items() if source not in wait.also_seen_by]
            if others:
                self._on_views(others)
        self._retry(lambda: self._pending.remove_all(notes.decided))
        for sighting in notes.decided:
            self._recent.remember(SIGHTINGS, (), lambda sighting=sighting: self._removed(sighting))
        if notes.batch is not None:
            batch = notes.batch
            self._retry(lambda: self._cursors.advance(batch.source, batch.cursors))

    def check_due(self) -> None:
        """Judge the sources, and hand on what has waited long enough."""
        for source, was, now, why in self._stats.judge_sources():
            tell = self._log.info if now in {"ok", "stopped"} else self._log.error
            tell("source_changed", source=source, was=was, now=now, why=why if now != "ok" else "")
        if self._deciding:  # the same fills would be handed on twice
            return
        try:
            sighting = self._pending.due_sightings(self._clock.now_ms())
        except Unavailable:  # nothing is lost: it stays due until the server is back
            return
        if sighting:
            self._deciding = True
            self._on_due(sighting)

    def _confirm(self, confirmations: tuple[Confirmation, ...]) -> None:
        if not confirmations:
            return
        now_ms = self._clock.now_ms()
        events = [self._named(build_confirmation(found, now_ms)) for found in confirmations]
        records = [
            FactRecord(SIGHTINGS, event, confirmation_dedup_key(event), "1", "", found.traded_at_ms)
            for event, found in zip(events, confirmations, strict=True)
        ]

        answers = self._retry(lambda: publish_each(self._redis, records))
        self._recent.remember_records(self._redis, records, answers)
        if self._pending_signals is not None:
            confirm = self._pending_signals.confirm
            self._retry(lambda: confirm(events))
        fresh = [event for event, answer in zip(events, answers, strict=True) if answer.state == "published"]
        self._stats.count_confirmations(len(fresh))
        count = metrics.make_counter(
            "fills_confirmed_total", "Signalled fills that another source showed too.", "source"
        )
        for event in fresh:
            count.labels(event.source).inc()

    def _named(self, event: FillConfirmed) -> FillConfirmed:
        later = self._retry(lambda: self._replaced.replacements_of(event.tx_hash))
        return replace(event, replaced_by=later[-1]) if later else event

    def _noted(self, wait: UnconfirmedFill) -> tuple[PublishedEntry, ...]:
        self._pending.add_sighting(wait)
        return ()

    def _removed(self, sighting: PendingSighting) -> tuple[PublishedEntry, ...]:
        self._pending.remove_decided(sighting)
        return ()

    def _run(self) -> None:
        next_check = self._clock.monotonic()
        while not (self._stop.is_set() and self._inbox.empty()):
            try:
                self._record_next()
                if self._clock.monotonic() >= next_check and not self._stop.is_set():
                    next_check = self._clock.monotonic() + CHECK_EVERY_S
                    self.check_due()
            except BaseException as error:  # noqa: BLE001 - carried to `run`: what is not recorded must be read again
                self.failure = error
                self._stop.set()
                return

    def _record_next(self) -> None:
        try:
            notes, waiter = self._inbox.get(timeout=CHECK_EVERY_S)
        except queue.Empty:
            return
        try:
            self.record_notes(notes)
        except BaseException as error:
            if waiter:
                waiter.finish(Stopping(str(error)))
            if not isinstance(error, Stopping):
                raise
        else:
            if waiter:
                waiter.finish()
        if notes.decided:
            self._deciding = False
