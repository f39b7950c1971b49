"""What one acquire costs when nobody has to wait, beside the barest script call, in turns on one connection."""

import threading
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from shared.broker import connect
from shared.clock import SystemClock
from shared.rate_gate import GateLimits, RateGate

ROUNDS = 120
CALLS = 50


@dataclass(frozen=True)
class Speed:
    """Medians and 99th percentiles in microseconds."""

    gate_us: float
    bare_us: float
    gate_p99_us: float
    bare_p99_us: float

    @property
    def ratio(self) -> float:
        """Return how many bare calls one acquire costs."""
        return self.gate_us / self.bare_us

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        return {**{name: round(value, 1) for name, value in asdict(self).items()}, "ratio": round(self.ratio, 3)}


def measure_speed(url: str) -> Speed:
    """Take turns of `CALLS` acquires and `CALLS` bare calls, so that a busy machine slows both."""
    stop, gate_s, bare_s = threading.Event(), list[float](), list[float]()
    with connect(url) as redis:
        gate = RateGate(redis, "speed", GateLimits(100_000, burst=10_000), clock=SystemClock())
        sha = str(redis.script_load("return 1"))
        for _ in range(ROUNDS):
            for _ in range(CALLS):
                started = perf_counter()
                gate.acquire(stop)
                gate_s.append(perf_counter() - started)
            for _ in range(CALLS):
                started = perf_counter()
                redis.evalsha(sha, 0)
                bare_s.append(perf_counter() - started)
    return Speed(median(gate_s) * 1e6, median(bare_s) * 1e6, _p99(gate_s) * 1e6, _p99(bare_s) * 1e6)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
