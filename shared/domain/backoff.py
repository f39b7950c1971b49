"""The back-off: how long to wait before trying again what failed, longer with each failure in a row.

Values only: whoever waits brings the clock, the stop event and, where many would come back in step, the jitter.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_MOST_DOUBLINGS = 64
"""A count of failures has no bound, a power of it must have one; every schedule is at its longest long before."""


class WaitSchedule(Protocol):
    """Says how long to wait, by how much failed before."""

    def wait_s(self, earlier: int) -> float:
        """Return the seconds to wait after `earlier` failures in a row."""
        ...


@dataclass(frozen=True)
class Backoff:
    """Waits that begin with `first_s` and grow by `factor` with each failure, up to `longest_s`."""

    first_s: float
    longest_s: float
    factor: float = 2.0

    def wait_s(self, earlier: int) -> float:
        """Return the seconds to wait after `earlier` failures in a row: `first_s` after none."""
        return min(self.longest_s, self.first_s * self.factor ** min(earlier, _MOST_DOUBLINGS))

    def waits(self) -> Iterator[float]:
        """Yield the waits of a first failure, a second one, and so on without end."""
        return map(self.wait_s, itertools.count())


@dataclass(frozen=True)
class SteppedBackoff:
    """Waits that are listed one by one; the last one stays."""

    steps_s: tuple[float, ...]

    def wait_s(self, earlier: int) -> float:
        """Return the seconds to wait after `earlier` failures in a row."""
        return self.steps_s[min(earlier, len(self.steps_s) - 1)]
