"""A pipeline on a cluster is in one slot, and follows it where it goes."""

import signal
import threading
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from benchmarks.rigs.failovers.cluster import ClusterServers, asked
from benchmarks.rigs.failovers.nodes import debian_server, wait_for
from ops.supervisor.embedded_redis import server_binary
from redeemer.jobs.queue import RedemptionQueue
from redeemer.jobs.rq_worker import RedeemWorker
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, Unavailable
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import LuaScript, answering, server_address
from shared.redis.connection.cluster_primary import ClusterFinder
from shared.redis.connection.server_url import cluster_place
from tests.conftest import ROOT
from tests.shared.redis.connection.conftest import Connect
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.server, pytest.mark.takes(8)]
CLOCK = SystemClock()
RIGHTS = ROOT / "deploy" / "redis.acl"


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


def test_the_worker_of_rq_goes_on_after_a_failover(cluster: ClusterServers, connected: Connect) -> None:
    """Rq 3.0.0 builds no worker on redis-py's own cluster client; on ours it does, retries and clean-up included."""
    redis, stop, done = connected(cluster.url), threading.Event(), list[str]()
    queue = RedemptionQueue(redis, "redeem", clock=CLOCK, retry_after_s=(1,), again_after_s=1)
    worker = RedeemWorker(Redeeming(done), connected(cluster.url), "redeem", clock=CLOCK)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()

    try:
        queue("0xa", "before")
        wait_for(lambda: done == ["before", "before"], "the retry was not run")
        wait_for(lambda: redis.wait(1, 1000) == 1, "the replica does not follow")
        cluster.primary().send(signal.SIGKILL)
        wait_for(lambda: serves(redis), "nobody took the slot over")
        queue("0xa", "after")
        wait_for(lambda: done[2:] == ["after", "after"], "the worker did not go on")
    finally:
        stop.set()
        thread.join(PATIENCE_S)

    keys = {key for node in cluster.nodes if node.process for key in cast("list[str]", cluster.direct(node).keys("*"))}
    assert {key.partition(":")[0] for key in keys} == {"{alpha}"}


class Redeeming:
    """A redeemer that fails the first time, for each condition."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def redeem(self, wallet: str, condition_id: str) -> RedemptionResult | None:
        del wallet
        self.done.append(condition_id)
        if self.done.count(condition_id) == 1:
            raise Unavailable("not yet")
        return None


def test_the_rights_of_the_file_are_enough_on_a_cluster(tmp_path: Path, connected: Connect, counting: Path) -> None:
    line = next(line for line in RIGHTS.read_text(encoding="ascii").splitlines() if line.startswith("user hybrid"))
    words = line.replace("CHANGE-ME", "word").replace("~hs:* ~rq:*", "~{alpha}:*").split()[2:]
    with ClusterServers(tmp_path) as cluster:
        for node in cluster.nodes:
            with cluster.direct(node) as admin:
                asked(admin, "ACL", "SETUSER", "hybrid", *words)

        redis = connected(cluster.url.replace(f"//:{cluster.password}@", "//hybrid:word@"))

        assert LuaScript(redis, counting)(["hs:count"], [1]) == "1"
        with pytest.raises(BadConfig, match=r"deploy/redis\.acl"), answering(redis):
            redis.get("other")


def test_one_node_that_nobody_has_met_is_where_it_was_asked(tmp_path: Path, connected: Connect) -> None:
    """It does not know its own address, and names an empty one: a cluster of one shard, as some rent it out."""
    with ClusterServers(tmp_path, shards=1) as cluster:
        assert connected(cluster.url).ping()


def test_with_tls_a_node_is_known_by_the_name_that_it_announces() -> None:
    """What certificates have: `CLUSTER NODES` tells the address first (Redis 7.0, cluster-announce-hostname)."""
    said: dict[str, dict[str, object]] = {"10.0.0.1:6379": {"hostname": "node-1.example"}}

    for scheme, host in (("rediss", "node-1.example"), ("redis", "10.0.0.1")):
        place = cluster_place(f"{scheme}+cluster://seed:6379")
        assert place is not None
        (node,) = ClusterFinder(place, "{alpha}:").nodes_of(said, "seed")
        assert node["address"] == (host, 6379)


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
