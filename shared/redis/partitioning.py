"""Split a list among the processes that are alive: short leases in Redis, rendezvous hashing, no coordinator.

Two members may work on one item for a moment (a beat that came late, a list read a little earlier): what they do must
be harmless twice. No item is left out: whoever is gone for `ttl_s` is out, and the others' next beat takes its items.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis import Redis

from shared.redis.client import LuaScript, answering

_KEEP_LIST_S = 3600


@dataclass(frozen=True)
class MemberBeat:
    """Who is alive, with the digest of the list each one brought, and the version of the list all share."""

    version: str
    members: Mapping[str, str]


class Partitioning:
    """One member of a named group."""

    def __init__(self, redis: Redis, group: str, name: str, *, ttl_s: float, version_key: str) -> None:
        self.name = name
        self.redis = redis
        self._redis, self._group, self._ttl_ms = redis, group, round(ttl_s * 1000)
        self._keys = [f"hs:{group}:members", f"hs:{group}:lists", version_key]
        self._script = LuaScript(redis, Path(__file__).with_suffix(".lua"))

    def beat(self, digest: str) -> MemberBeat:
        """Say that we live, and what list we brought; hear who else does.

        Raises:
            Unavailable: the server is away; the last answer stands.
        """
        version, *rest = cast("list[str]", self._script(self._keys, [self.name, self._ttl_ms, digest]))
        return MemberBeat(version, dict(zip(rest[::2], rest[1::2], strict=True)))

    def leave(self) -> None:
        """Hand our items to the others now instead of after `ttl_s`."""
        self._script(self._keys, [self.name, 0, ""])

    def bring(self, items: Iterable[str]) -> str:
        """Store the list we know by ourselves, for the others to look up; return its digest."""
        text = ",".join(sorted(items))
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        with answering(self._redis):
            self._redis.set(f"hs:{self._group}:list:{digest}", text, ex=_KEEP_LIST_S)
        return digest

    def brought(self, digest: str) -> frozenset[str]:
        """Return a list that somebody brought; empty when it is not there: then its items are worked on twice."""
        with answering(self._redis):
            text = cast("str | None", self._redis.get(f"hs:{self._group}:list:{digest}"))
        return frozenset(text.split(",")) if text else frozenset()


def owner_of(item: str, members: Iterable[str]) -> str:
    """Return whose item this is: adding or losing a member moves only that member's items."""
    return max(members, key=lambda member: hashlib.blake2b(f"{member}|{item}".encode(), digest_size=8).digest())
