"""The same race for each limiter: eight processes take every turn they can get for some seconds."""

import multiprocessing
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, cast

import limits
from pyrate_limiter import Duration, Limiter, Rate, RedisBucket
from redis import Redis

from shared.clock import SystemClock
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import connect_redis
from shared.redis.password_file import take_password

PROCESSES = 8
TARGET_PER_S = 50
BURST = 3
_COUNTED_OUT = ("info", "config", "client", "hello", "script", "ping", "flushall")


@dataclass(frozen=True)
class Race:
    """Grants of one race: in all, per process, in the fullest second."""

    grants: int
    worst_second: int
    served: list[int]
    commands_per_grant: float

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        return {
            "grants": self.grants,
            "worst_1s": self.worst_second,
            "served_min": min(self.served),
            "served_max": max(self.served),
            "redis_commands_per_grant": round(self.commands_per_grant, 1),
        }


def measure_race(url: str, limiter: str, seconds: float) -> Race:
    """Let `PROCESSES` processes race for `seconds` through `limiter`, on an emptied server."""
    context = multiprocessing.get_context("spawn")
    clock, never = SystemClock(), threading.Event()
    with connect_redis(url) as redis:
        redis.flushall()
        ready = context.Barrier(PROCESSES + 1)
        pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
        racers = [
            context.Process(target=_race, args=(url, limiter, seconds, ready, sender), daemon=True)
            for _, sender in pipes
        ]
        for racer in racers:
            racer.start()
        ready.wait(timeout=60)
        redis.config_resetstat()
        times = [receiver.recv() for receiver, _ in pipes]
        commands = _commands(redis)
        for racer in racers:
            racer.join(timeout=10)
    clock.wait(never, 0.2)
    merged = sorted(at for own in times for at in own)
    return Race(len(merged), _worst_second(merged), [len(own) for own in times], commands / max(1, len(merged)))


def _race(url: str, limiter: str, seconds: float, ready: Any, sender: Connection) -> None:  # noqa: ANN401 - a proxy
    clock, stop, times = SystemClock(), threading.Event(), list[float]()
    with _LIMITERS[limiter](url, stop) as turn:
        ready.wait(timeout=60)
        ends = clock.monotonic() + seconds
        ending = threading.Timer(seconds, stop.set)
        ending.start()
        while turn():
            at = clock.monotonic()
            if at >= ends:
                break
            times.append(at)
        ending.cancel()
    sender.send(times)


@contextmanager
def _gate(url: str, stop: threading.Event) -> Generator[Callable[[], bool]]:
    with connect_redis(url) as redis:
        gate = RateGate(redis, "race", GateLimits(TARGET_PER_S, burst=BURST), clock=SystemClock())
        yield lambda: gate.acquire(stop)


@contextmanager
def _limits(url: str, stop: threading.Event) -> Generator[Callable[[], bool]]:
    """Use the moving window as its documentation does: hit, else wait until the window says it resets."""
    clock = SystemClock()
    limiter = limits.strategies.MovingWindowRateLimiter(limits.storage.storage_from_string(_plain_url(url)))
    item = limits.RateLimitItemPerSecond(TARGET_PER_S)

    def turn() -> bool:
        while not stop.is_set():
            if limiter.hit(item, "race"):
                return True
            reset_s = limiter.get_window_stats(item, "race").reset_time - clock.now_ms() / 1000
            clock.wait(stop, min(1.0, max(0.001, reset_s)))
        return False

    yield turn


@contextmanager
def _pyrate(url: str, stop: threading.Event) -> Generator[Callable[[], bool]]:
    with Redis.from_url(_plain_url(url)) as redis:
        bucket = RedisBucket.init([Rate(TARGET_PER_S, Duration.SECOND)], redis, "race")
        limiter = Limiter(cast("RedisBucket", bucket))
        yield lambda: not stop.is_set() and bool(limiter.try_acquire("race", blocking=True))
        limiter.close()


def _plain_url(url: str) -> str:
    """Return a server's URL as other libraries read it, its password written out."""
    bare, password = take_password(url)
    return bare.replace("://", f"://:{password}@", 1) if password else bare


_LIMITERS = {"gate": _gate, "limits": _limits, "pyrate-limiter": _pyrate}


def _commands(redis: Redis) -> int:
    stats = redis.info("commandstats")
    counted = {name.removeprefix("cmdstat_").partition("|")[0]: found["calls"] for name, found in stats.items()}
    return sum(calls for name, calls in counted.items() if name not in _COUNTED_OUT)


def _worst_second(times: list[float]) -> int:
    worst = start = 0
    for end, at in enumerate(times):
        while at - times[start] >= 1:
            start += 1
        worst = max(worst, end - start + 1)
    return worst
