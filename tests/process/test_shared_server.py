"""A whole pipeline under a prefix: every key is under it, rq's too, on a server that others use and on a cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from benchmarks.rigs.failovers.cluster import ClusterServers
from ops.demo.demo import DemoWorld, settle
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis
from shared.redis.connection.key_prefix import with_prefix
from tests.process.conftest import CLOCK, Programs, end_within_15_s, wait_until
from tests.running.warm_venue import simulator
from tests.shared.redis.script_watch import watched_scripts
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.takes(20)]
ENV = {"POLL_EVERY_S": "0.5", "PAPER_LATENCY_S": "0.05", "MAX_SLIPPAGE_TICKS": "50"}


@pytest.fixture
def crowd() -> Iterator[DemoWorld]:
    words = ("--leaders", "4", "--speed", "8", "--fills-per-minute", "40", "--resolve-after", "40", "--seed", "3")
    with simulator(CLOCK, *words) as world:
        yield world


def all_work(crowd: DemoWorld, url: str, folder: Path, prefix: str = "", **told: str) -> None:
    """Run every program until something is redeemed, and hold them against the venue's own record."""
    programs = Programs({**crowd.environment, **ENV, "REDIS_URL": url, "HS_PREFIX": prefix, **told}, folder)
    redis = connect_redis(with_prefix(url, prefix), blocking_s=1)
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


def assert_under_prefix(keys: list[str]) -> None:
    assert {key.partition(":")[0] for key in keys} == {"{alpha}"}
    assert any(key.startswith("{alpha}:rq:") for key in keys)


def test_all_programs_work_under_a_prefix_and_leave_no_key_elsewhere(
    crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    with connect_redis(redis_server.url) as redis, watched_scripts(redis) as watch:
        all_work(crowd, redis_server.url, tmp_path, "alpha")

    assert watch.undeclared == set()
    assert_under_prefix(cast("list[str]", connect_redis(redis_server.url).keys("*")))


def test_all_programs_rq_too_work_on_a_cluster_in_one_slot(crowd: DemoWorld, tmp_path: Path) -> None:
    """Rq 3.0.0 cannot build a worker on redis-py's cluster client; on the one node that has the slot it can."""
    with ClusterServers(tmp_path / "nodes") as cluster:
        all_work(crowd, cluster.url, tmp_path)

        held = {node.port: cast("list[str]", cluster.direct(node).keys("*")) for node in cluster.nodes}
        owner = cluster.primary()

    assert_under_prefix(held.pop(owner.port))
    assert not any(held.values())


def test_jobs_wait_on_a_server_of_their_own_where_one_is_named(
    crowd: DemoWorld, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    """RQ_URL: with the pipeline on a cluster, say, where plain `rq` tools cannot look."""
    with ClusterServers(tmp_path / "nodes", shards=1) as cluster:
        all_work(crowd, cluster.url, tmp_path, RQ_URL=redis_server.url)

        (node,) = cluster.nodes
        assert not any(":rq:" in key for key in cast("list[str]", cluster.direct(node).keys("*")))

    kept = cast("list[str]", connect_redis(redis_server.url).keys("*"))
    assert kept
    assert all(key.startswith("rq:") for key in kept)
