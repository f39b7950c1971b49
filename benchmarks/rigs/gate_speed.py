"""The cost of one acquire when nobody has to wait, beside the barest script call, in turns on one connection.

The bare call is `redis.evalsha`, what anybody would write. `LuaScript`, which the gate uses, leaves out redis-py's
telemetry on the way; a bare call by that way is shown too, so that the gate's own share can be seen.
"""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from shared.clock import SystemClock
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import LuaScript, connect_redis

ROUNDS = 120
CALLS = 50
TRIVIAL = "return 1"


@dataclass(frozen=True)
class Speed:
    """Medians and 99th percentiles in microseconds."""

    gate_us: float
    bare_us: float
    bare_by_script_us: float
    gate_p99_us: float
    bare_p99_us: float

    @property
    def ratio(self) -> float:
        """Return how many bare calls one acquire costs."""
        return self.gate_us / self.bare_us

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        ratios = {"ratio": self.ratio, "ratio_to_bare_by_script": self.gate_us / self.bare_by_script_us}
        return {name: round(value, 3) for name, value in {**asdict(self), **ratios}.items()}


def measure_speed(url: str) -> Speed:
    """Take turns of `CALLS` acquires and `CALLS` bare calls, so that a busy machine slows both."""
    stop, gate_s, bare_s, script_s = threading.Event(), list[float](), list[float](), list[float]()
    with connect_redis(url) as redis, tempfile.TemporaryDirectory() as folder:
        trivial = Path(folder) / "trivial.lua"
        trivial.write_text(TRIVIAL, encoding="utf-8")
        gate = RateGate(redis, "speed", GateLimits(100_000, burst=10_000), clock=SystemClock())
        script, sha = LuaScript(redis, trivial), str(redis.script_load(TRIVIAL))
        for _ in range(ROUNDS):
            _time(gate_s, lambda: gate.acquire(stop))
            _time(bare_s, lambda: redis.evalsha(sha, 0))
            _time(script_s, lambda: script((), ()))
    gate_us, bare_us, script_us = (median(found) * 1e6 for found in (gate_s, bare_s, script_s))
    return Speed(gate_us, bare_us, script_us, _p99(gate_s) * 1e6, _p99(bare_s) * 1e6)


def _time(into: list[float], call: Callable[[], object]) -> None:
    for _ in range(CALLS):
        started = perf_counter()
        call()
        into.append(perf_counter() - started)


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
