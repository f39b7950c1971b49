"""One primary, replicas and sentinels on loopback, each a process of its own: to be killed, stopped and failed over."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from redis import Redis
from redis.exceptions import RedisError

from ops.supervisor.embedded_redis import free_port, server_binary
from shared.clock import Clock, SystemClock
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.client import connect_redis
from shared.redis.connection.moving_primary import PrimaryWatch

NAME = "pipeline"
DOWN_AFTER_MS = 1000
"""A server that is silent for so long is held for down; the election follows."""
_STARTS_S = 30.0
_CLOCK: Clock = SystemClock()
_NEVER = threading.Event()


@dataclass
class Node:
    """One server process; its folder stays, so it can be started again."""

    folder: Path
    port: int
    words: tuple[str, ...]
    bus: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it goes with us."""
        log = (self.folder / "log").open("ab")
        told = {**os.environ, DIE_WITH_PARENT: str(os.getpid())}
        with log:
            self.process = subprocess.Popen(self.words, stdout=log, stderr=log, cwd=self.folder, env=told)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL wait for the end."""
        if self.process is None:
            return
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
            self.process = None


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
        lines = [
            f"requirepass {self.password}",
            f"masterauth {self.password}",
            "appendonly yes",
            "appendfsync always",
            'save ""',
            "repl-diskless-sync-delay 0",
            *([f"replicaof 127.0.0.1 {self.servers[0].port}"] if place else []),
        ]
        return self._node(f"server-{place}", lines, [])

    def _sentinel(self, place: int) -> Node:
        lines = [
            f"requirepass {self.sentinel_password}",
            f"sentinel sentinel-pass {self.sentinel_password}",
            f"sentinel monitor {NAME} 127.0.0.1 {self.servers[0].port} {self.sentinels // 2 + 1}",
            f"sentinel auth-pass {NAME} {self.password}",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {NAME} 4000",
        ]
        return self._node(f"sentinel-{place}", lines, ["--sentinel"])

    def _node(self, name: str, lines: Sequence[str], flags: Sequence[str]) -> Node:
        folder, port = self.folder / name, free_port()
        folder.mkdir(mode=0o700, parents=True)
        file = folder / "node.conf"
        file.touch(mode=0o600)
        bound = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", *self.extra]
        file.write_text("\n".join([*bound, *lines, ""]).replace("PORT", str(port)), encoding="ascii")
        node = Node(folder, port, (str(self.binary), str(file), *flags))
        node.start()
        return node


def debian_server() -> Path | None:
    """Return the `redis-server` of this machine; None where none is installed."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def end_watches() -> None:
    """End the threads of this process that ask where a primary is: those who knew are gone."""
    for thread in threading.enumerate():
        if isinstance(thread, PrimaryWatch):
            thread.primary.release()
            thread.join(_STARTS_S)


def wait_for(holds: Any, problem: str, seconds: float = _STARTS_S) -> None:  # noqa: ANN401 - any question without arguments
    """Wait until `holds()`; a server that is away holds nothing.

    Raises:
        TimeoutError: saying `problem`.
    """
    until = _CLOCK.monotonic() + seconds
    while _CLOCK.monotonic() < until:
        with contextlib.suppress(RedisError, OSError, KeyError):
            if holds():
                return
        _CLOCK.wait(_NEVER, 0.05)
    raise TimeoutError(problem)
