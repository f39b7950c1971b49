"""What a gate is told and what it shows: lanes, limits, state. Plain values."""

from dataclasses import dataclass
from enum import IntEnum

from shared.domain.errors import BadConfig

HIGHEST_RATE_PER_S = 100_000
LARGEST_BURST = 10_000
LONGEST_S = 172_800
"""Two days: a relayer's daily quota may hold for most of one."""


class GateLane(IntEnum):
    """Who goes first when callers wait. A lower lane is passed for `PATIENCE_S` at most, then takes its turn."""

    ORDERS = 1
    EXITS = 2
    FRESH = 3
    CATCHUP = 4


PATIENCE_S = {GateLane.ORDERS: 0.0, GateLane.EXITS: 1.0, GateLane.FRESH: 5.0, GateLane.CATCHUP: 20.0}


@dataclass(frozen=True)
class GateLimits:
    """One upstream's budget. No window of 1 s ever sees more than `rate_per_s` + `burst` grants.

    Raises:
        BadConfig: a value is out of bounds.
    """

    rate_per_s: float
    """The target: reached when the upstream does not complain."""
    burst: int = 1
    """Grants at once after a quiet time."""
    floor_per_s: float = 0.5
    """Never slower than this (or the target, if lower); also each process's rate when Redis is away."""
    cut: float = 0.5
    """What a throttle multiplies the rate by, once per `cool_down_s`."""
    cool_down_s: float = 2.0
    hold_s: float = 1.0
    """How long everybody holds on a throttle that does not say how long."""
    max_hold_s: float = 900.0
    """The longest hold an upstream can ask for."""
    recover_per_s: float = 0.05
    """Share of the target given back per second of success."""
    slow_factor: float = 4.0
    """Answers this many times slower than usual, and slower than `slow_floor_s`, count as a gentle throttle."""
    slow_floor_s: float = 1.0

    def __post_init__(self) -> None:
        """Check every bound."""
        rate = f"above 0 and at most {HIGHEST_RATE_PER_S}"
        self._require(0 < self.rate_per_s <= HIGHEST_RATE_PER_S, "rate_per_s", rate)
        self._require(1 <= self.burst <= LARGEST_BURST, "burst", f"1 to {LARGEST_BURST}")
        self._require(self.floor_per_s > 0, "floor_per_s", "above 0")
        self._require(0 < self.cut < 1, "cut", "between 0 and 1")
        self._require(0 < self.recover_per_s <= 1, "recover_per_s", "above 0 and at most 1")
        self._require(0 <= self.cool_down_s <= LONGEST_S, "cool_down_s", f"0 to {LONGEST_S}")
        self._require(0 < self.max_hold_s <= LONGEST_S, "max_hold_s", f"above 0 and at most {LONGEST_S}")
        self._require(0 < self.hold_s <= self.max_hold_s, "hold_s", "above 0 and at most max_hold_s")
        self._require(self.slow_factor > 1, "slow_factor", "above 1")
        self._require(self.slow_floor_s > 0, "slow_floor_s", "above 0")

    def _require(self, holds: bool, name: str, bounds: str) -> None:  # noqa: FBT001 - a condition
        if not holds:
            raise BadConfig(f"Gate limit {name}={getattr(self, name)} is out of bounds: it must be {bounds}.")

    @property
    def slowest_per_s(self) -> float:
        """Return the floor that applies."""
        return min(self.floor_per_s, self.rate_per_s)


@dataclass(frozen=True)
class GateState:
    """One gate at one moment, for screens and metrics."""

    name: str
    target_per_s: float
    rate_now_per_s: float
    factor: float
    burst: int
    hold_s: float = 0.0
    granted: int = 0
    throttled: int = 0
    waiting: int = 0
    """Callers queued, estimated from the reserved time."""
    reachable: bool = True
    """False: Redis did not answer, and this is the process's own fallback."""
