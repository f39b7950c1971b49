"""A cluster on loopback: primaries that share the slots, and a replica of each."""

import secrets
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

from redis import Redis

from benchmarks.rigs.failovers.nodes import Node, end_watches, lines_of_server, start_node, wait_for
from ops.supervisor.embedded_redis import free_port, server_binary
from shared.redis.client import connect_redis

SLOTS = 16384
NODE_TIMEOUT_MS = 1500


@dataclass
class ClusterServers:
    """`shards` primaries with one replica each, where `replicas` says so."""

    folder: Path
    binary: Path = field(default_factory=server_binary)
    shards: int = 3
    replicas: bool = False
    prefix: str = "alpha"
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    nodes: list[Node] = field(default_factory=list[Node])

    @property
    def url(self) -> str:
        """Return the URL that programs are given: not every node is named."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])
        return f"redis+cluster://:{self.password}@{hosts}?hs_prefix={self.prefix}"

    def direct(self, node: Node) -> Redis:
        """Return a client of one node."""
        return connect_redis(f"redis://:{self.password}@127.0.0.1:{node.port}/0?hs_prefix={self.prefix}")

    def primary(self) -> Node:
        """Return the node that has the pipeline's slot."""
        with connect_redis(self.url) as redis:
            port = int(redis.info("server")["tcp_port"])  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
        return next(node for node in self.nodes if node.port == port)

    def __enter__(self) -> Self:
        try:
            for place in range(self.shards * (2 if self.replicas else 1)):
                self.nodes.append(self._node(place))
            self._join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.send(signal.SIGKILL)
        end_watches()

    start = __enter__
    stop = __exit__

    def move_slot(self, target: Node, between: Callable[[str], object]) -> int:
        """Migrate the pipeline's slot to another primary key by key, as `valkey-cli --cluster reshard` does.

        `between` is called before each key is moved, with its name. Returns how many were.
        https://valkey.io/commands/cluster-setslot/
        """
        source, moved = self.primary(), 0
        with self.direct(source) as old, self.direct(target) as new:
            slot = int(str(asked(old, "CLUSTER", "KEYSLOT", f"{{{self.prefix}}}:hs:a")))
            to, frm = (str(asked(client, "CLUSTER", "MYID")) for client in (new, old))
            asked(new, "CLUSTER", "SETSLOT", slot, "IMPORTING", frm)
            asked(old, "CLUSTER", "SETSLOT", slot, "MIGRATING", to)
            while keys := cast("list[str]", asked(old, "CLUSTER", "GETKEYSINSLOT", slot, 1)):
                between(keys[0])
                login = ("AUTH", self.password)
                asked(old, "MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000, *login)
                moved += 1
            for client in (new, old):
                asked(client, "CLUSTER", "SETSLOT", slot, "NODE", to)
        wait_for(lambda: self.primary() is target, "the slot did not move")
        return moved

    def others(self) -> list[Node]:
        """Return the primaries that do not have the pipeline's slot."""
        found, owner = list[Node](), self.primary()
        for node in self.nodes:
            with self.direct(node) as redis:
                if node is not owner and "master" in str(redis.role()[0]):
                    found.append(node)
        return found

    def wait_until_whole(self) -> None:
        """Wait until every node says that all slots are served, and replicas follow."""
        wait_for(self._is_whole, "the cluster does not get whole")

    def _is_whole(self) -> bool:
        for node in self.nodes:
            with self.direct(node) as redis:
                said, nodes = str(asked(redis, "CLUSTER", "INFO")), asked(redis, "CLUSTER", "NODES")
                down = redis.info("replication").get("master_link_status") == "down"  # pyright: ignore[reportUnknownMemberType] - as above
            if "cluster_state:ok" not in said or len(str(nodes).splitlines()) != len(self.nodes) or down:
                return False
        return True

    def _join(self) -> None:
        first = self.nodes[0]
        for place, node in enumerate(self.nodes):
            with self.direct(node) as redis:
                wait_for(redis.ping, "a node does not start")
                if place < self.shards:
                    low, high = (SLOTS * edge // self.shards for edge in (place, place + 1))
                    asked(redis, "CLUSTER", "ADDSLOTSRANGE", low, high - 1)
                asked(redis, "CLUSTER", "SET-CONFIG-EPOCH", place + 1)
                if node is not first:
                    asked(redis, "CLUSTER", "MEET", "127.0.0.1", first.port, first.bus)
        for place, node in enumerate(self.nodes[self.shards :]):
            with self.direct(self.nodes[place]) as primary, self.direct(node) as replica:
                name = str(asked(primary, "CLUSTER", "MYID"))
                wait_for(
                    lambda replica=replica, name=name: asked(replica, "CLUSTER", "REPLICATE", name),
                    "a replica does not know its primary",
                )
        self.wait_until_whole()

    def _node(self, place: int) -> Node:
        bus = free_port()
        lines = [
            "cluster-enabled yes",
            f"cluster-port {bus}",
            f"cluster-node-timeout {NODE_TIMEOUT_MS}",
            *lines_of_server(self.password),
        ]
        return start_node(self.folder / f"node-{place}", self.binary, lines, bus=bus)


def asked(redis: Redis, *words: object) -> object:
    """Return what a server answers to a command."""
    return cast("object", redis.execute_command(*words))  # pyright: ignore[reportUnknownMemberType] - redis-py leaves it untyped
