"""Time as an argument: the only module that reads real time."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of the project knows of time."""

    def now_ms(self) -> int:
        """Return wall-clock time in epoch milliseconds."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait up to `seconds`; return True as soon as `event` is set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return wall-clock time in epoch milliseconds."""
        return time.time_ns() // 1_000_000  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()  # noqa: TID251 - the one place

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait up to `seconds`; return True as soon as `event` is set."""
        return event.wait(max(0.0, seconds))


class ManualClock:
    """A clock that moves only when told: for tests and replay. Waiting moves it at once."""

    def __init__(self, now_ms: int = 1_790_000_000_000) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Return the time it was set to, in epoch milliseconds."""
        return self._now_ms

    def monotonic(self) -> float:
        """Return the same time in seconds."""
        return self._now_ms / 1000

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Jump ahead by `seconds` unless `event` is set already."""
        if event.is_set():
            return True
        self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Move ahead by `seconds`."""
        with self._lock:
            self._now_ms += max(0, round(seconds * 1000))

    def set(self, now_ms: int) -> None:
        """Jump to `now_ms`, also backwards, as a stepped clock does."""
        with self._lock:
            self._now_ms = now_ms
