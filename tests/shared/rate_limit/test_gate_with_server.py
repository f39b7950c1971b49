"""The gate on a real server, its threads in real time."""

import threading

import pytest

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.rate_limit.gate import GateLane, GateLimits, RateGate
from shared.redis.client import connect_redis
from tests.waiting import PATIENCE_S, wait_until


@pytest.mark.server
def test_on_a_real_server_threads_and_connections_share_one_target(valkey_url: str) -> None:
    stop, clock, times = threading.Event(), SystemClock(), list[float]()

    def poll() -> None:
        with connect_redis(valkey_url) as redis:
            gate = RateGate(redis, "data", GateLimits(100, burst=5), clock=clock)
            while gate.acquire(stop):
                times.append(clock.monotonic())
                gate.succeeded(0.01)

    threads = [threading.Thread(target=poll) for _ in range(5)]
    began = clock.monotonic()
    for thread in threads:
        thread.start()
    wait_until(lambda: len(times) >= 70, "the gate grants")
    stop.set()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    took_s = max(times) - began

    assert not any(thread.is_alive() for thread in threads)
    assert len(times) <= 100 * took_s + 5


@pytest.mark.server
def test_on_a_real_server_a_hold_stops_sleepers_and_lanes_keep_their_order(valkey_url: str) -> None:
    stop, clock, granted = threading.Event(), SystemClock(), list[tuple[float, str]]()
    with connect_redis(valkey_url) as redis:
        gate = RateGate(redis, "data", GateLimits(1), clock=clock)  # slow, so that none is granted before the hold
        assert gate.acquire(stop)

        def ask(lane: GateLane) -> None:
            gate.acquire(stop, lane)
            granted.append((clock.monotonic(), lane.name))

        threads = [threading.Thread(target=ask, args=(GateLane.CATCHUP,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        before = clock.monotonic()
        gate.throttled(1.0)
        held_from = clock.monotonic()
        threads.append(threading.Thread(target=ask, args=(GateLane.ORDERS,)))
        threads[-1].start()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)

    after = [lane for at, lane in sorted(granted) if at > held_from]
    assert len(granted) == 4
    assert not [at for at, _ in granted if held_from < at < before + 1.0]
    assert "ORDERS" in after[:2]


@pytest.mark.pitfall(31)
@pytest.mark.server
def test_redis_killed_and_restarted_leaves_the_floor_rate_then_the_shared_one(
    redis_server: EmbeddedRedis,
) -> None:
    stop, clock = threading.Event(), SystemClock()
    with connect_redis(redis_server.url) as redis:
        gate = RateGate(redis, "data", GateLimits(100, floor_per_s=5), clock=clock)
        assert gate.acquire(stop)
        redis_server.kill()

        started = clock.monotonic()
        assert gate.acquire(stop)
        assert gate.acquire(stop)
        waited = clock.monotonic() - started
        redis_server.restart()
        clock.wait(stop, 1.0)

        assert gate.acquire(stop)
        assert waited >= 0.39
        assert gate.snapshot().reachable
        assert gate.snapshot().granted == 2
