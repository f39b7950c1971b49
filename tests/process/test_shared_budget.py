"""One budget for all: the venue's own request log is the judge."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.budget import VENUE, most_within
from ops.demo.demo import DemoWorld, settle
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis
from tests.process.conftest import CLOCK, Programs, wait_until
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

TARGET, BURST = 20, 4
WINDOW_S = 5
STALL_S = 3
"""A machine that stalls delivers what it was late with at once: the whole run is judged here, which a stall hardly
changes, and single seconds by `benchmarks.budget`."""


@pytest.fixture
def crowd() -> Iterator[DemoWorld]:
    """Give a venue of 50 leaders."""
    with simulator(CLOCK, *VENUE) as world:
        yield world


@pytest.mark.takes(35)
def test_s1_fifty_leaders_and_two_detectors_cost_the_target_rate(
    crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    rates = {"DATA_API_RATE_PER_S": str(TARGET), "DATA_API_BURST": str(BURST), "RPC_RATE_PER_S": str(TARGET)}
    programs = Programs({**crowd.environment, **rates, "REDIS_URL": redis_server.url, "POLL_EVERY_S": "1"}, tmp_path)
    try:
        detectors = [programs.start("detector", INSTANCE=f"detector-{number}") for number in range(2)]
        wait_until(lambda: all("service_started" in programs.log(process) for process in detectors))
        wait_until(lambda: len(crowd.requests("data")) > TARGET * 10)
        crowd.freeze()
        redis = connect_redis(redis_server.url, blocking_s=1)
        verdict = settle(crowd, redis, CLOCK, PATIENCE_S, decide=False)
    finally:
        programs.end()

    assert verdict.clean, verdict
    for upstream in ("data", "rpc"):
        times = [float(request["time_ms"]) for request in crowd.requests(upstream)]
        span_s = (max(times) - min(times)) / 1000
        assert len(times) <= TARGET * (span_s + STALL_S) + BURST, upstream
        assert span_s > 3 * STALL_S, "too short to tell"
    data = crowd.requests("data")
    busiest = most_within([float(request["time_ms"]) for request in data], WINDOW_S * 1000)
    assert busiest > TARGET * WINDOW_S * 0.5, "the budget was hardly used: the test shows nothing"
    assert all(request["status"] == 200 for request in data)
