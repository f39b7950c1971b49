"""Adaptive against round-robin polling, on a simulated clock: the scheduler itself, and captured histories.

Eight leaders are the four captured wallets at two times of their day; 200 others never trade. A poll costs one request
and sees what the Data API shows at that moment; the budget lets one request go every 1 / rate seconds.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rigs.detect_history import full, lines_of
from benchmarks.rigs.detect_rig import percentile
from detector.config import DetectorSettings
from detector.domain.poll_schedule import PollPace, PollSchedule
from shared.polymarket.wire.endpoints import BUDGETS

QUIET = 200
WARM_SHARE = 0.1
"""The share of the time that teaches the scheduler who trades, before it is measured."""


@dataclass
class Polling:
    """One order's result."""

    name: str
    delays_s: list[float] = field(default_factory=list[float])
    longest_wait_s: float = 0.0
    polls: int = 0
    seconds: float = 0.0
    bound_s: float = float("inf")

    @property
    def median_s(self) -> float:
        """Return the median delay."""
        return self.delay_s(50)

    @property
    def polls_per_s(self) -> float:
        """Return what it cost."""
        return self.polls / self.seconds if self.seconds else 0.0

    def delay_s(self, percent: float) -> float:
        """Return a percentile of the delays."""
        return percentile(self.delays_s, percent)

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        delays = {f"p{percent}": round(self.delay_s(percent), 3) for percent in (50, 95, 99)}
        waits = {"longest_wait_s": round(self.longest_wait_s, 1), "polls_per_s": round(self.polls_per_s, 2)}
        return {"fills": len(self.delays_s), "delay_s": delays, **waits}


def measure_polling(folder: Path, hours: float) -> list[Polling]:
    """Return round-robin's result, then the adaptive one's, with the detector's own pace and budget."""
    leaders = _leaders(folder, hours)
    rate, every_s, bound_s = BUDGETS["data_activity"].target_per_s, _default("poll_every_s"), _bound_s()
    orders = {"round-robin": PollPace(every_s, 0.0, rate), "adaptive": PollPace(every_s, bound_s, rate)}
    found = [_polled(name, pace, leaders, hours * 3600) for name, pace in orders.items()]
    found[1].bound_s = bound_s
    return found


def _polled(name: str, pace: PollPace, leaders: dict[str, list[float]], seconds: float) -> Polling:
    result = Polling(name, seconds=seconds)
    schedule = PollSchedule(leaders, pace, 0.0)
    last = dict.fromkeys(leaders, 0.0)
    now, step = 0.0, 1 / pace.rate_per_s
    while now < seconds:
        scope = schedule.next_scope(now)
        if scope is not None:
            shown = leaders[scope]
            news = shown[bisect_right(shown, last[scope]) : bisect_right(shown, now)]
            if now >= WARM_SHARE * seconds:
                result.delays_s += [now - at for at in news]
                result.longest_wait_s = max(result.longest_wait_s, now - last[scope])
            last[scope] = now
            schedule.finish_poll(scope, now, news=len(news))
            result.polls += 1
        now += step
    return result


def _leaders(folder: Path, hours: float) -> dict[str, list[float]]:
    """Return when each leader's trades show: 8 real ones, and 200 who do nothing."""
    found: dict[str, list[float]] = {f"quiet-{number}": [] for number in range(QUIET)}
    for path in full(folder, [1, 2, 3, 4]):
        times = sorted(float(line["timestamp"]) for line in lines_of(path) if line["side"])
        for part, share in enumerate((0.3, 0.6)):
            start = times[int(len(times) * share)]
            found[f"{path.stem}-{part}"] = [at - start for at in times if start <= at < start + hours * 3600]
    return found


def _default(name: str) -> float:
    return float(DetectorSettings.model_fields[name].default)


def _bound_s() -> float:
    """Return the detector's bound on waiting."""
    names = [name for name in DetectorSettings.model_fields if "at_most" in name]
    return _default(names[0]) if names else 60.0
