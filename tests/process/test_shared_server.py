"""A whole pipeline under a prefix: every key is under it, rq's too, so that others may use the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.demo.demo import DemoWorld, settle, simulator
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis
from shared.redis.connection.key_prefix import with_prefix
from tests.process.conftest import CLOCK, Programs, end_within_15_s, wait_until
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.takes(25)]
ENV = {"HS_PREFIX": "alpha", "POLL_EVERY_S": "0.5", "PAPER_LATENCY_S": "0.05", "MAX_SLIPPAGE_TICKS": "50"}


@pytest.fixture
def crowd() -> Iterator[DemoWorld]:
    words = ("--leaders", "4", "--speed", "8", "--fills-per-minute", "40", "--resolve-after", "40", "--seed", "3")
    with simulator(CLOCK, *words) as world:
        yield world


def test_all_programs_work_under_a_prefix_and_leave_no_key_elsewhere(
    crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    programs = Programs({**crowd.environment, **ENV, "REDIS_URL": redis_server.url}, tmp_path)
    redis, plain = connect_redis(with_prefix(redis_server.url, "alpha"), blocking_s=1), connect_redis(redis_server.url)
    try:
        started = [programs.start(*name.split()) for name in ("detector", "buyer", "redeemer", "redeemer.worker")]
        wait_until(lambda: redis.xlen("hs:redemptions") > 0, "a redemption", PATIENCE_S)
        crowd.freeze()
        verdict = settle(crowd, redis, CLOCK, PATIENCE_S)
        ends = [end_within_15_s(process) for process in started]
    finally:
        programs.end()

    assert verdict.clean, verdict
    assert ends == [0, 0, 0, 0]
    keys = [str(key) for key in plain.scan_iter()]
    assert {key.partition(":")[0] for key in keys} == {"{alpha}"}
    assert any(key.startswith("{alpha}:rq:") for key in keys)
