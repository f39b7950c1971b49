"""Find the node of a cluster that has the slot of a pipeline: all keys under one prefix are in one.

A script needs all of its keys on one node, and so does a transaction; so one pipeline is one slot by design, and
pipelines of other prefixes are elsewhere. The node is asked as any single server is; when the slot moves, or its node
fails and a replica takes over, the connections move. Of several answers the one of the highest configuration epoch
counts: https://valkey.io/topics/cluster-spec/#configuration-handling-propagation-and-failovers.
"""

from functools import lru_cache
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry

from shared.clock import SystemClock
from shared.redis.connection.moving_primary import Address, MovingPrimary
from shared.redis.connection.server_url import ClusterPlace

ANSWER_S = 1.0
"""How long a node may take to tell who has which slots; one that takes longer is passed over."""
_AWAY = (ConnectionLost, NoAnswer)
_REFUSED = AuthenticationError


class ClusterFinder:
    """Some nodes of a cluster, and the slot of a pipeline; nodes that those know are asked, too."""

    def __init__(self, place: ClusterPlace, prefix: str) -> None:
        self.place, self.slot = place, int(key_slot(prefix.encode()))  # pyright: ignore[reportUnknownArgumentType] - redis-py leaves it untyped
        self._nodes = {address: _client(place, address) for address in place.nodes}
        self._epoch = -1

    def __str__(self) -> str:
        return str(self.place)

    def find(self) -> Address | None:
        """Return who has the slot; raises as `PrimaryFinder.find`."""
        owners, problems = list[dict[str, Any]](), list[RedisError]()
        for (host, _), client in list(self._nodes.items()):
            try:
                owners += self._owners(client, host)
            except RedisError as error:
                problems.append(error)
        if not owners:
            raise self._unanswered(problems)
        newest = max(owners, key=_epoch)
        if _epoch(newest) < self._epoch:
            raise ConnectionLost("nodes that knew who has our slot do not answer")
        self._epoch = _epoch(newest)
        if "fail" in str(newest["flags"]):
            raise ConnectionLost(
                f"the node that has our slot ({':'.join(map(str, newest['address']))}) fails, and no replica took over"
            )
        return cast("Address", newest["address"])

    def _owners(self, client: Redis, asked: str) -> list[dict[str, Any]]:
        """Return the nodes that have the slot as the one at host `asked` sees them; take note of all others."""
        seen = self.nodes_of(cast("dict[str, dict[str, Any]]", client.execute_command("CLUSTER NODES")), asked)
        for node in seen:
            self._nodes.setdefault(node["address"], _client(self.place, node["address"]))
        return [node for node in seen if self._has_slot(node)]

    def nodes_of(self, said: dict[str, dict[str, Any]], asked: str) -> list[dict[str, Any]]:
        """Return what the node at host `asked` said of each, with its address."""
        return [{**node, "address": self._place_of(address, node, asked)} for address, node in said.items()]

    def _place_of(self, address: str, node: dict[str, Any], asked: str) -> Address:
        """Return where a node is: by the name that it announces where a certificate has to show that.

        One that nobody has met yet does not know its own address: it is where we asked.
        """
        host, port = _address(address)
        named = str(node["hostname"]) if self.place.primary_url.startswith("rediss:") else ""
        return named or host or asked, port

    def _has_slot(self, node: dict[str, Any]) -> bool:
        """Say whether a node is a primary with our slot; a range of one slot has no end."""
        spans = [(int(span[0]), int(span[-1])) for span in node["slots"]]
        return "master" in str(node["flags"]) and any(first <= self.slot <= last for first, last in spans)

    @staticmethod
    def _unanswered(problems: list[RedisError]) -> Exception:
        """Name why nobody says who has the slot; what is refused keeps its own name."""
        refused = next((one for one in problems if not isinstance(one, _AWAY) or isinstance(one, _REFUSED)), None)
        if refused is not None:
            return refused
        return ConnectionLost(f"no node of the cluster answers: {problems[0]}" if problems else "nobody has our slot")


@lru_cache(maxsize=16)
def cluster_primary(place: ClusterPlace, prefix: str) -> MovingPrimary:
    """Return what this process knows of the node that has the slot of a prefix."""
    return MovingPrimary(ClusterFinder(place, prefix), SystemClock())


def _client(place: ClusterPlace, address: Address) -> Redis:
    scheme, mark, rest = place.primary_url.partition("://")
    login, at, rest = rest.rpartition("@")
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    url = f"{scheme}{mark}{login}{at}{host}:{address[1]}{rest.removeprefix('primary')}"
    return Redis.from_url(  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
        url,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
    )


def _epoch(node: dict[str, Any]) -> int:
    return int(node["epoch"])


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port.partition("@")[0])
