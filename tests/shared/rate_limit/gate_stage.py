"""A stage for gates: its time moves only when every thread waits, and its Redis reads the same clock."""

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fakeredis
from redis import Redis

from shared.rate_limit import gate as rate_gate
from shared.rate_limit.gate import GateLane, GateLimits, RateGate
from shared.redis.client import LuaScript
from tests.waiting import PATIENCE_S

SCRIPT = Path(rate_gate.__file__).with_suffix(".lua")


class Stage:
    """A clock for threads: one runs at a time, and time moves when all of them wait."""

    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0
        self.stop = threading.Event()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._idle = threading.Event()
        self._playing = False

    def now_ms(self) -> int:
        return round(self.now_s * 1000)

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not self._playing:
            self.now_s += max(0.0, seconds)
        elif not event.is_set():
            self._sleep(max(0.0, seconds))
        return event.is_set()

    def play(self, *bodies: Callable[[], object], seconds: float) -> None:
        """Run each body as a thread for `seconds`; then `stop` is set and all of them must end."""
        end_s = self.now_s + seconds
        threads = [threading.Thread(target=self._enter, args=(body,), daemon=True) for body in bodies]
        self._playing = True
        for thread in threads:
            thread.start()
            self._until_idle()
        while self._waiting:
            due_s, _, turn = heapq.heappop(self._waiting)
            if due_s > end_s:
                self.stop.set()
            self.now_s = max(self.now_s, min(due_s, end_s))
            turn.set()
            self._until_idle()
        self._playing = False
        for thread in threads:
            thread.join(timeout=PATIENCE_S)

    def _enter(self, body: Callable[[], object]) -> None:
        try:
            self._sleep(0)
            body()
        finally:
            self._idle.set()

    def _sleep(self, seconds: float) -> None:
        turn = threading.Event()
        heapq.heappush(self._waiting, (self.now_s + seconds, next(self._order), turn))
        self._idle.set()
        turn.wait()

    def _until_idle(self) -> None:
        assert self._idle.wait(timeout=PATIENCE_S), "a thread neither waits nor ends"
        self._idle.clear()


@dataclass
class Sleepy:
    """The stage's clock in a process that wakes late."""

    stage: Stage
    late_s: float

    def now_ms(self) -> int:
        return self.stage.now_ms()

    def monotonic(self) -> float:
        return self.stage.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return self.stage.wait(event, seconds + (self.late_s if seconds > 0.05 else 0.0))


class Counted(LuaScript):
    """A script that counts its round trips."""

    calls = 0

    def __call__(self, keys: Sequence[str], args: Sequence[Any], meanwhile: Callable[[], object] | None = None) -> Any:
        self.calls += 1
        return super().__call__(keys, args, meanwhile)


class Play:
    """A stage with a Redis that reads the stage's clock."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.server = fakeredis.FakeServer()
        self.redis: Redis = fakeredis.FakeRedis(server=self.server, decode_responses=True)
        self.grants: list[tuple[float, str]] = []

    @property
    def stop(self) -> threading.Event:
        return self.stage.stop

    def gate(self, name: str = "data", rate_per_s: float = 50, **limits: float) -> RateGate:
        return RateGate(self.redis, name, GateLimits(rate_per_s, **limits), clock=self.stage)  # type: ignore[arg-type] - burst is an int

    def poller(self, gate: RateGate, who: str = "wallet", lane: GateLane = GateLane.FRESH) -> Callable[[], None]:
        """Give a body that takes every turn it can get."""

        def poll() -> None:
            while gate.acquire(self.stop, lane):
                self.grants.append((self.stage.now_s, who))

        return poll

    def after(self, seconds: float, act: Callable[[], object]) -> Callable[[], None]:
        def wait_and_act() -> None:
            if not self.stage.wait(self.stop, seconds):
                act()

        return wait_and_act

    def granted(self, who: str) -> int:
        return sum(1 for _, name in self.grants if name == who)

    def between(self, start_s: float, end_s: float) -> int:
        return sum(1 for at, _ in self.grants if start_s < at < end_s)


def worst_second(times: list[float]) -> int:
    """Count the grants of the fullest window of one second."""
    ordered = sorted(times)
    worst = start = 0
    for end, at in enumerate(ordered):
        while at - ordered[start] >= 1 - 1e-6:
            start += 1
        worst = max(worst, end - start + 1)
    return worst
