"""One primary, replicas and sentinels on loopback, each a process of its own: to be killed, stopped and failed over."""

import secrets
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from redis import Redis

from benchmarks.rigs.failovers.nodes import Node, end_watches, lines_of_server, start_node, wait_for
from ops.supervisor.embedded_redis import server_binary
from shared.redis.client import connect_redis

NAME = "pipeline"
DOWN_AFTER_MS = 1000
"""A server that is silent for so long is held for down; the election follows."""


@dataclass
class SentinelServers:
    """A primary, `replicas` of it and `sentinels`; they ask for passwords, another one for each kind."""

    folder: Path
    binary: Path = field(default_factory=server_binary)
    replicas: int = 2
    sentinels: int = 3
    password: str = field(default_factory=lambda: secrets.token_hex(8))
    sentinel_password: str = field(default_factory=lambda: secrets.token_hex(8))
    extra: Sequence[str] = ()
    """More lines of the configuration of each server and sentinel."""
    query: str = ""
    """More of the URL's query."""
    scheme: str = "redis"
    servers: list[Node] = field(default_factory=list[Node])
    watchers: list[Node] = field(default_factory=list[Node])

    @property
    def url(self) -> str:
        """Return the URL that programs are given."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.watchers)
        query = f"sentinel_password={self.sentinel_password}" + (f"&{self.query}" if self.query else "")
        return f"{self.scheme}+sentinel://:{self.password}@{hosts}/{NAME}/0?{query}"

    def direct(self, node: Node) -> Redis:
        """Return a client of one server."""
        query = f"?{self.query}" if self.query else ""
        return connect_redis(f"{self.scheme}://:{self.password}@127.0.0.1:{node.port}/0{query}")

    def watcher(self, node: Node) -> Redis:
        """Return a client of one sentinel."""
        query = f"?{self.query}" if self.query else ""
        return connect_redis(f"{self.scheme}://:{self.sentinel_password}@127.0.0.1:{node.port}/{query}")

    def primary(self) -> Node:
        """Return the server that calls itself primary and that the first sentinel names."""
        with self.watcher(self.watchers[0]) as sentinel:
            port = int(cast("dict[str, Any]", sentinel.sentinel_master(NAME))["port"])
        return next(node for node in self.servers if node.port == port)

    def hand_over(self) -> None:
        """Have the sentinels hand over to a replica, as an operator plans it."""
        with self.watcher(self.watchers[0]) as sentinel:
            wait_for(lambda: sentinel.sentinel_failover(NAME), "no replica is good enough to be handed over to")

    def __enter__(self) -> Self:
        try:
            for place in range(1 + self.replicas):
                self.servers.append(self._server(place))
            wait_for(lambda: self._followed(self.servers[0]), "the replicas do not follow")
            for place in range(self.sentinels):
                self.watchers.append(self._sentinel(place))
            self.wait_until_whole()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in (*self.watchers, *self.servers):
            node.send(signal.SIGKILL)
        end_watches()

    start = __enter__
    stop = __exit__

    def wait_until_whole(self) -> None:
        """Wait until each sentinel knows the others, and a primary that every replica follows."""
        wait_for(self._is_whole, "the sentinels did not find each other, or the replicas their primary")

    def _is_whole(self) -> bool:
        for watcher in self.watchers:
            with self.watcher(watcher) as sentinel:
                seen = cast("dict[str, Any]", sentinel.sentinel_master(NAME))
            others = int(seen["num-other-sentinels"]), int(seen["num-slaves"])
            if others < (self.sentinels - 1, self.replicas) or seen["is_sdown"]:
                return False
        return self._followed(self.primary())

    def _followed(self, node: Node) -> bool:
        """Say whether a server is the primary of all others."""
        with self.direct(node) as server:
            info = server.info("replication")  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
        replicas = [value for name, value in info.items() if name.startswith("slave") and name[-1].isdigit()]
        online = [1 for replica in replicas if replica["state"] == "online"]
        return info["role"] == "master" and len(online) == self.replicas

    def _server(self, place: int) -> Node:
        followed = [f"replicaof 127.0.0.1 {self.servers[0].port}"] if place else []
        lines = [*self.extra, *lines_of_server(self.password), *followed]
        return start_node(self.folder / f"server-{place}", self.binary, lines)

    def _sentinel(self, place: int) -> Node:
        lines = [
            *self.extra,
            f"requirepass {self.sentinel_password}",
            f"sentinel sentinel-pass {self.sentinel_password}",
            f"sentinel monitor {NAME} 127.0.0.1 {self.servers[0].port} {self.sentinels // 2 + 1}",
            f"sentinel auth-pass {NAME} {self.password}",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {NAME} 4000",
        ]
        return start_node(self.folder / f"sentinel-{place}", self.binary, lines, ["--sentinel"])
