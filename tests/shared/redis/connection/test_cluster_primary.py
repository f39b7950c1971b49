"""A pipeline on a cluster is in one slot, and follows it where it goes."""

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from redis import Redis

from benchmarks.rigs.failovers.cluster import ClusterServers, asked
from benchmarks.rigs.failovers.nodes import debian_server, wait_for
from ops.supervisor.embedded_redis import server_binary
from shared.domain.errors import BadConfig, Unavailable
from shared.redis.client import LuaScript, answering, server_address
from tests.shared.redis.connection.conftest import Connect

pytestmark = [pytest.mark.server, pytest.mark.takes(8)]


@pytest.fixture(params=["valkey", "redis-server"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[ClusterServers]:
    binary = server_binary() if request.param == "valkey" else debian_server()
    if binary is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    with ClusterServers(tmp_path, binary, replicas=True) as servers:
        yield servers


def serves(redis: Redis) -> bool:
    try:
        with answering(redis):
            return bool(redis.ping())
    except Unavailable:
        return False


def test_a_killed_node_is_followed_to_its_replica(cluster: ClusterServers, counting: Path, connected: Connect) -> None:
    redis = connected(cluster.url, durability="replicated")
    script = LuaScript(redis, counting, durable=True)
    script(["hs:count"], [1])

    cluster.primary().send(signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"Redis at redis\+cluster://"):
        script(["hs:count"], [1])
    wait_for(lambda: serves(redis), "nobody took the slot over")

    assert redis.get("hs:count") == "1"
    assert cluster.password not in server_address(redis)


def test_a_slot_that_is_given_to_another_node_is_followed(tmp_path: Path, connected: Connect) -> None:
    with ClusterServers(tmp_path) as cluster:
        redis = connected(cluster.url)
        old = cluster.primary()
        other = next(node for node in cluster.nodes if node is not old)
        with cluster.direct(other) as client:
            name = asked(client, "CLUSTER", "MYID")
        slot = asked(redis, "CLUSTER", "KEYSLOT", "{alpha}:hs:a")
        for node in (other, old):
            with cluster.direct(node) as client:
                asked(client, "CLUSTER", "SETSLOT", slot, "NODE", name)

        wait_for(lambda: serves(redis) and cluster.primary() is other, "we did not follow")
        wait_for(lambda: redis.set("hs:a", "1"), "the new owner does not answer")


def test_pipelines_of_other_prefixes_are_in_other_slots(tmp_path: Path, connected: Connect) -> None:
    with ClusterServers(tmp_path) as cluster:
        owners = {
            prefix: connected(cluster.url.replace("alpha", prefix)).info("server")["tcp_port"]  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            for prefix in ("alpha", "beta", "gamma", "delta", "epsilon")
        }

    assert len(set(owners.values())) > 1


def test_a_cluster_without_a_prefix_or_with_a_database_is_refused_with_the_fix(connected: Connect) -> None:
    with pytest.raises(BadConfig, match="needs HS_PREFIX"):
        connected("redis+cluster://a:1,b:2")
    with pytest.raises(BadConfig, match="has no database '/1': leave it out"):
        connected("redis+cluster://a:1/1?hs_prefix=alpha")
