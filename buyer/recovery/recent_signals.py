"""The last signals of the stream, where the signal of an intent and the leader of a forgotten order are found again."""

from collections.abc import Iterator

from redis import Redis

from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal, signal_in
from shared.redis.streams import stream_tail

MOST_RECENT = 5000
_TELLING = frozenset({"ACTIONABLE_SIGNAL", "FILL_CONFIRMED"})


class RecentSignals:
    """Reads the end of the stream of signals anew each time."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def texts(self) -> Iterator[str]:
        """Yield the JSON of each of the last entries."""
        return (entry.json for entry in stream_tail(self._redis, SIGNALS, MOST_RECENT))

    def find(self, signal_id: str) -> ActionableSignal | None:
        """Return a signal by its id; one that an intent stands for was not acknowledged yet, so it is still there."""
        named = (entry for entry in stream_tail(self._redis, SIGNALS, MOST_RECENT) if signal_id in entry.json)
        told = (signal_in(read_event(entry.json)) for entry in named if entry.event in _TELLING)
        return next((signal for signal in told if signal is not None and signal.id == signal_id), None)
