"""Signals that were told before their block: the first confirmation of each stands behind it on the stream of signals.

Whoever waits for the block, or followed with a part of the stake, reads it there, with the signal in it.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from msgspec.structs import replace
from redis import Redis

from detector.publishing.recent_writes import RecentWrites
from shared.domain.witnesses import PENDING
from shared.messages.base import SIGNALS, completed_id, fact_id
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal, FillConfirmed, SeenBy
from shared.redis.streams import FactRecord, publish_each, stream_tail

MOST = 20_000
REMEMBERED = 2000
"""Signals of the stream that an earlier life may have left unconfirmed."""
_DIGEST = 32


def completed(signal: ActionableSignal, event: FillConfirmed) -> ActionableSignal:
    """Return a pending signal as it is once it is confirmed: an id of its own, the block's time, both witnesses."""
    seen = SeenBy(source=event.source, seen_at_ms=event.seen_at_ms, lag_ms=event.lag_ms)
    return replace(
        signal,
        id=completed_id(signal.id),
        emitted_at_ms=event.emitted_at_ms,
        traded_at_ms=event.seen_at_ms - event.lag_ms,
        seen_by=(*signal.seen_by, seen),
        pending=None,
        completes=signal.id,
    )


class PendingSignals:
    """What the publisher adds and the recorder confirms; any thread's. `announce` gets each once it is durable."""

    def __init__(self, redis: Redis, recent: RecentWrites, announce: Callable[[FillConfirmed], None]) -> None:
        self._redis, self._recent, self._announce = redis, recent, announce
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, ActionableSignal] = OrderedDict()
        self._remembered = False

    def expect(self, signal: ActionableSignal) -> None:
        """Note a signal that no other source showed yet."""
        with self._lock:
            self._waiting[signal.id] = signal
            if len(self._waiting) > MOST:
                self._waiting.popitem(last=False)

    def confirm(self, events: Iterable[FillConfirmed]) -> None:
        """Publish the first confirmation of each pending signal; again is harmless.

        Raises:
            Unavailable: the server is away; call again.
        """
        for event in events:
            if event.first_source == PENDING and event.counts:
                self._remember()
                self._confirm(event)

    def _confirm(self, event: FillConfirmed) -> None:
        signal = self._waiting.get(event.signal_id)
        if signal is None:
            return
        told = replace(event, signal=completed(signal, event))
        fact = f"{event.leader}:{fact_id('pending', event.signal_id)[:_DIGEST]}"

        record = FactRecord(SIGNALS, told, fact, "1", "", signal.traded_at_ms)
        (answer,) = publish_each(self._redis, [record])
        self._recent.remember_records(self._redis, [record], (answer,))
        if answer.state == "published":
            self._announce(told)
        with self._lock:
            self._waiting.pop(event.signal_id, None)

    def _remember(self) -> None:
        """Take in what an earlier life signalled, once."""
        if self._remembered:
            return
        for entry in stream_tail(self._redis, SIGNALS, REMEMBERED):
            signal = read_event(entry.json) if entry.event == "ACTIONABLE_SIGNAL" else None
            if isinstance(signal, ActionableSignal) and signal.pending and signal.id not in self._waiting:
                self.expect(signal)
        self._remembered = True
