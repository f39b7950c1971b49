"""Signals on the stream and their orders at the venue: appended one by one or at a steady rate, with the backlog."""

import contextlib
import os
import threading
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from benchmarks.rigs.order_buyer import GROUP as FLOOR_GROUP
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading, wall_ms
from buyer.domain.token_shard import LIVE_GROUP as GROUP
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.redis.streams import group_backlog

GAP_S = 0.03
LATEST_S = 20.0
LOOK_S, SPAN_S = 1.0, 10
"""How often the backlog is looked at, and at the end of how many seconds it is told."""


def append(world: Trading, stream: str, number: int, run: str) -> float:
    """Append a signal; return when the server had it for good, in epoch milliseconds."""
    event = world.signal(number, world.token, run=run)
    world.redis.xadd(stream, {"event": event.event, "json": write_event(event)})
    return wall_ms()


def append_due(world: Trading, numbers: range) -> list[float]:
    """Append what is due at once: a server that answers late must not slow down who offers."""
    with world.redis.pipeline(transaction=False) as together:
        for number in numbers:
            event = world.signal(number, world.tokens[number % len(world.tokens)], run="steady")
            together.xadd(SIGNALS, {"event": event.event, "json": write_event(event)})
        together.execute()
    return [wall_ms()] * len(numbers)


def latencies(world: Trading, stream: str, group: str, count: int, run: str) -> list[tuple[float, float]]:
    """Append `count` signals one by one; return when each was appended and when its order arrived."""
    world.arrivals()
    started: list[float] = []
    for number in range(count):
        started.append(append(world, stream, number, run))
        CLOCK.wait(NEVER, GAP_S)
    arrived = all_arrived(world, count)
    drained(world, stream, group, 10)
    if len(arrived) != count:
        raise SystemExit(f"{stream}: {count} signals, {len(arrived)} orders")
    return list(zip(started, arrived, strict=True))


def all_arrived(world: Trading, count: int) -> list[float]:
    """Return when `count` orders arrived; fewer when they do not come, more when others come beside them."""
    until, arrived = CLOCK.monotonic() + LATEST_S, world.arrivals()
    while len(arrived) < count and CLOCK.monotonic() < until:
        CLOCK.wait(NEVER, 0.05)
        arrived += world.arrivals()
    return arrived


def drained(world: Trading, stream: str, group: str, seconds: float) -> bool:
    """Wait until everything is read and handled."""
    until = CLOCK.monotonic() + seconds
    while CLOCK.monotonic() < until:
        waiting, pending = group_backlog(world.redis, stream, group)
        if waiting == 0 and (pending == 0 or group == FLOOR_GROUP):
            CLOCK.wait(NEVER, 0.05)
            return True
        CLOCK.wait(NEVER, 0.05)
    return False


def sustained(world: Trading, rate: float, seconds: float, group: str = GROUP) -> dict[str, Any]:
    """Append at a steady rate; return the backlog of each half, after each ten seconds and at the end, and waits."""
    world.arrivals()
    samples: list[int] = []
    begin = CLOCK.monotonic()
    done, count = threading.Event(), int(rate * seconds)

    def watch() -> None:
        while not CLOCK.wait(done, begin + LOOK_S * (len(samples) + 1) - CLOCK.monotonic()):
            samples.append(sum(group_backlog(world.redis, SIGNALS, group)))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started: list[float] = []
    while len(started) < count:
        CLOCK.wait(NEVER, begin + len(started) / rate - CLOCK.monotonic())
        due = min(count, int((CLOCK.monotonic() - begin) * rate) + 1)
        started += append_due(world, range(len(started), due))
    done.set()
    watcher.join()
    took = CLOCK.monotonic() - begin
    left = sum(group_backlog(world.redis, SIGNALS, group))
    drained(world, SIGNALS, group, 60)
    arrived = world.arrivals()
    waits = sorted(there - then for then, there in zip(started, arrived, strict=False))
    half = samples[: len(samples) // 2], samples[len(samples) // 2 :]
    return {
        "offered_per_s": round(count / took, 1),
        "orders": len(arrived),
        "signals": count,
        "backlog_first_half": max(half[0], default=0),
        "backlog_second_half": max(half[1], default=0),
        "backlog_each_10s": samples[SPAN_S - 1 :: SPAN_S],
        "backlog_at_end": left,
        "p50_ms": round(median(waits), 2) if waits else 0.0,
        "p99_ms": round(p99(waits), 2) if waits else 0.0,
    }


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100)[98] if len(values) > 1 else values[0]


def go_first() -> None:
    """Let the stopwatch run before what it measures, where we may: read late, a start makes everything look quick."""
    with contextlib.suppress(PermissionError):
        os.nice(-10)
