"""The event a process stops on, which also knows whether anybody still looks at it; and a part's own view of it."""

import threading

from shared.clock import Clock

QUIET_S = 60.0
"""A process in which no loop has looked at its stop event for this long hangs."""


class StopEvent(threading.Event):
    """Every loop asks its stop event once a turn, so the event is the process's pulse as well."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._waiting: set[int] = set()
        self._looked_at = clock.monotonic()

    def is_set(self) -> bool:
        """Say whether it is time to stop; counts as a beat."""
        self._looked_at = self._clock.monotonic()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the stop; a waiting loop beats."""
        me = threading.get_ident()
        self._waiting.add(me)
        try:
            return super().wait(timeout)
        finally:
            self._waiting.discard(me)
            self._looked_at = self._clock.monotonic()

    def quiet_s(self) -> float:
        """Return the seconds since any loop last looked; 0 while one waits."""
        return 0.0 if self._waiting else max(0.0, self._clock.monotonic() - self._looked_at)

    def beats(self) -> bool:
        """Say whether some loop still runs."""
        return self.quiet_s() < QUIET_S


class EitherEvent(threading.Event):
    """Set by itself, or by an outer stop; who waits for it sees the outer one at the end of the wait."""

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        """Say whether it is time to stop."""
        return super().is_set() or self._outer.is_set()


class Pulse(StopEvent):
    """One part's view of a process's stop event: set with it, and it knows whether this part still looks."""

    def __init__(self, outer: threading.Event, clock: Clock) -> None:
        super().__init__(clock)
        self._outer = outer

    def is_set(self) -> bool:
        """Say whether it is time to stop; counts as a beat of the part, and of the process."""
        super().is_set()
        return self._outer.is_set()

    def set(self) -> None:
        """End the whole process: a part that ends, ends it."""
        self._outer.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the process's stop; a waiting loop beats."""
        me = threading.get_ident()
        self._waiting.add(me)
        try:
            return self._outer.wait(timeout)
        finally:
            self._waiting.discard(me)
            self._looked_at = self._clock.monotonic()
