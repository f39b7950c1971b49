"""Read the pipeline's streams as a group of its own: nothing is trimmed before it was judged, nobody is held up."""

from collections.abc import Iterator

from redis import Redis

from ops.alerts.outbox import GROUP, Acknowledgement
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Malformed
from shared.messages.base import DEAD, DECISIONS, REDEMPTIONS, SERVICE, SIGNALS, Event
from shared.messages.events import read_event
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import StreamEntry, ensure_group

READ = (SERVICE, DECISIONS, REDEMPTIONS, DEAD, SIGNALS)
"""Streams that tell what a person is told; the first is waited at, the others are looked at in between."""
NEWEST = "$"
_NO_LABEL = '"leader_label":""'
_TOLD_SIGNALS = frozenset({"FILL_RETRACTED"})
_PASSED_OVER = frozenset({"SERVICE_HEALTH", "SERVICE_START", "SERVICE_STOP", "FILL_CONFIRMED", "SIGNAL_DROPPED"})
_BATCH = 256
_BLOCK_MS = 1000
_NO_WAIT_S = 0.001


class EventReader:
    """Reads what is new of every stream; a group that is new begins with what comes from now on."""

    def __init__(self, redis: Redis, consumer: str, clock: Clock) -> None:
        self._redis = redis
        self._readers = [
            GroupReader(redis, stream, GROUP, consumer, clock=clock, sole=True, batch=_BATCH, block_ms=_BLOCK_MS)
            for stream in READ
        ]
        self._begun = False
        self._log = logs.get_logger("alerts")

    def read(self) -> list[StreamEntry]:
        """Return what is new, waiting up to a second for it.

        Raises:
            Unavailable: the server is away; what was read and not acknowledged comes again.
        """
        if not self._begun:
            for stream in READ:
                ensure_group(self._redis, stream, GROUP, NEWEST)
            self._begun = True
        first, *others = self._readers
        found = [entry for reader in others for entry in reader.read(_NO_WAIT_S)]
        return found + first.read(_NO_WAIT_S if found else None)

    def recover(self) -> None:
        """Read again what was not acknowledged: the server was away."""
        for reader in self._readers:
            reader.recover()

    def events(self, entries: list[StreamEntry], labels: dict[str, str]) -> Iterator[Event]:
        """Yield the events that may tell something; note in `labels` what leaders are called."""
        for entry in entries:
            if entry.event in _PASSED_OVER or (entry.stream == SIGNALS and not _is_told(entry)):
                continue
            try:
                event = read_event(entry.json)
            except Malformed as error:
                self._log.warning("alert_event_unreadable", stream=entry.stream, entry=entry.id, error=str(error))
                continue
            label = getattr(event, "leader_label", "")
            if label:
                labels[str(getattr(event, "leader", ""))] = label
            else:
                yield event


def acknowledged(entries: list[StreamEntry]) -> list[Acknowledgement]:
    """Return the acknowledgement of entries, by stream."""
    streams = sorted({entry.stream for entry in entries})
    return [Acknowledgement(name, tuple(entry.id for entry in entries if entry.stream == name)) for name in streams]


def _is_told(entry: StreamEntry) -> bool:
    """Say whether a signal tells something here: that it is taken back, or what its leader is called."""
    return entry.event in _TOLD_SIGNALS or (entry.event == "ACTIONABLE_SIGNAL" and _NO_LABEL not in entry.json)
