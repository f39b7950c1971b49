"""The time the world lives in: real, or moved by hand in tests."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tell the epoch time in milliseconds."""

    def now_ms(self) -> int:
        """Return the present, in epoch milliseconds."""
        ...


class WallClock:
    """Real time: what every client's clock shows."""

    def now_ms(self) -> int:
        """Return the system's time."""
        return time.time_ns() // 1_000_000  # noqa: TID251 - a wall clock


@dataclass
class ManualClock:
    """A clock that moves only when told to."""

    at_ms: int = 1_795_000_000_000

    def now_ms(self) -> int:
        """Return where the clock was left."""
        return self.at_ms

    def advance(self, seconds: float) -> None:
        """Move forward."""
        self.at_ms += round(seconds * 1000)


class Stopwatch:
    """Real time for what belongs to the sockets, not to the world: rates, ages, latencies."""

    def wall_ms(self) -> float:
        """Return the epoch time in milliseconds, with fractions."""
        return time.time() * 1000  # noqa: TID251 - the record of requests is in real time

    def seconds(self) -> float:
        """Return a clock that never steps."""
        return time.monotonic()  # noqa: TID251 - rates are enforced in real time
