"""What must be durable before a cursor moves but is no signal: confirmations, and what waits for a second source.

It has a thread of its own, so that it never stands between a sighting and its signal. The same thread looks regularly
at what has waited long enough, and at how the sources are doing.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from redis import Redis

from detector.domain.fill_view import View
from detector.domain.signal_builder import confirmation_of, fact_of_confirmation
from detector.domain.signal_draft import Confirmation, PendingWait
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from detector.publishing.pending_confirmations import HeldSighting, PendingConfirmations
from detector.publishing.retry_until_up import RetryUntilUp
from detector.sources.port import Batch, Stopping
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.messages.base import SIGHTINGS
from shared.redis.streams import StreamRecord, publish_all_once

TURN_S = 0.25
MOST_LOOSE = 1000
"""Batches that nobody waits for; beyond that a push source waits for its turn too."""


class AnsweredNotes(Protocol):
    """Whoever waits for a batch."""

    def finish(self, error: BaseException | None = None) -> None:
        """Take the answer."""
        ...


class ConfirmationNotes(NamedTuple):
    """What a batch leaves to be recorded; `settled` was in the waiting room and is decided now."""

    batch: Batch | None = None
    confirmations: tuple[Confirmation, ...] = ()
    waits: tuple[PendingWait, ...] = ()
    settled: tuple[HeldSighting, ...] = ()

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to record."""
        return not (self.confirmations or self.waits or self.settled)


class ConfirmationRecorder:
    """Record notes, then move the batch's cursors, then let its source go on.

    Args:
        redis: The connection.
        board: Who is told of confirmations, and judged each turn.
        cursors: Where progress is kept.
        room: Where fills wait for a second source.
        patience: How often the server is asked again.
        clock: The time.
        stop: Ends the thread.
    """

    def __init__(
        self,
        redis: Redis,
        board: SourceStats,
        cursors: CursorStore,
        room: PendingConfirmations,
        *,
        patience: RetryUntilUp,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self.failure: BaseException | None = None
        self._redis, self._board, self._cursors, self._room = redis, board, cursors, room
        self._patiently, self._clock, self._stop = patience, clock, stop
        self._inbox: queue.SimpleQueue[tuple[ConfirmationNotes, AnsweredNotes | None]] = queue.SimpleQueue()
        self._known: Callable[[Iterable[View]], None] = lambda _: None
        self._due: Callable[[tuple[HeldSighting, ...]], None] = lambda _: None
        self._deciding = False
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._log = logs.get_logger("detector")

    def start(self, known: Callable[[Iterable[View]], None], due: Callable[[tuple[HeldSighting, ...]], None]) -> None:
        """Begin; `known` hears what others showed of a fill that waits here, `due` what has waited long enough."""
        self._known, self._due = known, due
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; return False when it is still busy."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def put(self, notes: ConfirmationNotes, waiter: AnsweredNotes) -> None:
        """Record on the other thread, then answer `waiter`; a source without cursors need not wait for that."""
        loose = notes.batch is not None and not notes.batch.cursors and self._inbox.qsize() < MOST_LOOSE
        if loose:
            waiter.finish()
        self._inbox.put((notes, None if loose else waiter))

    def record(self, notes: ConfirmationNotes) -> None:
        """Record what a batch left, then move its cursors.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        self._confirm(notes.confirmations)
        for wait in notes.waits:
            held = self._patiently(lambda wait=wait: self._room.note(wait))
            others = [view for source, view in held.views.items() if source not in wait.known]
            if others:
                self._known(others)
        for held in notes.settled:
            self._patiently(lambda held=held: self._room.settle(held))
        if notes.batch is not None:
            batch = notes.batch
            self._patiently(lambda: self._cursors.advance(batch.source, batch.cursors))

    def turn(self) -> None:
        """Judge the sources, and hand on what has waited long enough."""
        for source, was, now, why in self._board.check():
            tell = self._log.info if now in {"ok", "stopped"} else self._log.error
            tell("source_changed", source=source, was=was, now=now, why=why if now != "ok" else "")
        if self._deciding:
            return
        try:
            held = self._room.due(self._clock.now_ms())
        except Unavailable:
            return
        if held:
            self._deciding = True
            self._due(held)

    def _confirm(self, confirmations: tuple[Confirmation, ...]) -> None:
        if not confirmations:
            return
        now_ms = self._clock.now_ms()
        events = [confirmation_of(found, now_ms) for found in confirmations]
        records = [
            StreamRecord(event, fact_of_confirmation(event), found.traded_at_ms)
            for event, found in zip(events, confirmations, strict=True)
        ]
        answers = self._patiently(lambda: publish_all_once(self._redis, SIGHTINGS, records))
        fresh = [event for event, answer in zip(events, answers, strict=True) if answer.state == "published"]
        self._board.confirmed(len(fresh))
        count = metrics.make_counter(
            "fills_confirmed_total", "Signalled fills that another source showed too.", "source"
        )
        for event in fresh:
            count.labels(event.source).inc()

    def _run(self) -> None:
        next_turn = self._clock.monotonic()
        while not (self._stop.is_set() and self._inbox.empty()):
            try:
                self._take()
                if self._clock.monotonic() >= next_turn and not self._stop.is_set():
                    next_turn = self._clock.monotonic() + TURN_S
                    self.turn()
            except BaseException as error:  # noqa: BLE001 - carried to `run`: what is not recorded must be read again
                self.failure = error
                self._stop.set()
                return

    def _take(self) -> None:
        try:
            notes, waiter = self._inbox.get(timeout=TURN_S)
        except queue.Empty:
            return
        try:
            self.record(notes)
        except BaseException as error:
            if waiter:
                waiter.finish(Stopping(str(error)))
            if not isinstance(error, Stopping):
                raise
        else:
            if waiter:
                waiter.finish()
        if notes.settled:
            self._deciding = False
