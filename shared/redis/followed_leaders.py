"""Whom `hybrid follow` added and `hybrid unfollow` took away: two hashes in Redis that detectors and buyers read.

What was unfollowed stays so over restarts, also when the environment or a file names it, until it is followed again.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from redis import Redis

from shared.redis.client import answering, confirm_writes

FOLLOWED = "hs:leaders"
"""Hash: address -> JSON of a `FollowedLeader`."""
UNFOLLOWED = "hs:leaders:unfollowed"
"""Hash: address -> JSON of an `Unfollowed`."""
VERSION = "hs:leaders:version"
"""Grows with every change, so that detectors read the hashes only then."""


LABELS = "hs:leaders:labels"
"""Hash: address -> the name that a detector's file of leaders gives it."""
DETECTORS = "detectors"
"""The group whose members share the leaders (`partitioning`); each brings the list that it was told."""


@dataclass(frozen=True, slots=True)
class FollowedLeader:
    """Since when a leader is followed, by whom, under which name."""

    label: str = ""
    added_at_ms: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Since when nobody follows an address, who said so, and whether an environment or a file named it then."""

    label: str = ""
    at_ms: int = 0
    by: str = ""
    named: bool = False
    exits_only: bool = False
    """Whether it is watched until our lots of it are gone: its sells are followed, its buys are not."""


def follow_leader(redis: Redis, address: str, followed: FollowedLeader) -> bool:
    """Follow an address; return False when it was followed already (then its label is new)."""
    with answering(redis), redis.pipeline(transaction=True) as pipe:
        pipe.hset(FOLLOWED, address, json.dumps(asdict(followed)))
        pipe.hdel(UNFOLLOWED, address)
        pipe.incr(VERSION)
        added, *_ = pipe.execute()
    confirm_writes(redis)
    return bool(added)


def unfollow_leader(redis: Redis, address: str, unfollowed: Unfollowed) -> None:
    """Follow an address no more, whoever names it, until somebody follows it again."""
    with answering(redis), redis.pipeline(transaction=True) as pipe:
        pipe.hdel(FOLLOWED, address)
        pipe.hset(UNFOLLOWED, address, json.dumps(asdict(unfollowed)))
        pipe.incr(VERSION)
        pipe.execute()
    confirm_writes(redis)


def followed_leaders(redis: Redis) -> dict[str, FollowedLeader]:
    """Return whom `hybrid follow` added.

    Raises:
        Unavailable: the server is away.
    """
    return {address: _followed(said) for address, said in _read(redis, FOLLOWED).items()}


def note_labels(redis: Redis, labels: Mapping[str, str]) -> None:
    """Tell the names that a file of leaders gives, so that whoever shows a leader can name it.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    named = {address: label for address, label in labels.items() if label}
    if named:
        with answering(redis):
            redis.hset(LABELS, mapping=cast("dict[Any, Any]", named))


def leader_labels(redis: Redis) -> dict[str, str]:
    """Return the name of every leader that has one: of `hybrid follow`, else of a file.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        told = cast("dict[str, str]", redis.hgetall(LABELS))
    given = {**unfollowed(redis), **followed_leaders(redis)}
    return told | {address: leader.label for address, leader in given.items() if leader.label}


def brought_leaders(redis: Redis) -> frozenset[str]:
    """Return whom the environments and files of detectors name: each stores its list while it runs.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        digests = set(cast("list[str]", redis.hvals(f"hs:{DETECTORS}:lists")))
        texts = [cast("str | None", redis.get(f"hs:{DETECTORS}:list:{digest}")) for digest in sorted(digests)]
    return frozenset(name for text in texts if text for name in text.split(","))


def unfollowed(redis: Redis) -> dict[str, Unfollowed]:
    """Return who is not followed although somebody may name it.

    Raises:
        Unavailable: the server is away.
    """
    return {address: _unfollowed(said) for address, said in _read(redis, UNFOLLOWED).items()}


def _read(redis: Redis, key: str) -> dict[str, dict[str, Any]]:
    """Return a hash of JSON objects; of one that a person or another version wrote, what can be read."""
    with answering(redis):
        stored = cast("dict[str, str]", redis.hgetall(key))
    return {address: _object(text) for address, text in stored.items()}


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _followed(said: dict[str, Any]) -> FollowedLeader:
    return FollowedLeader(str(said.get("label", "")), _ms(said.get("added_at_ms")), str(said.get("by", "")))


def _unfollowed(said: dict[str, Any]) -> Unfollowed:
    named, exits_only = bool(said.get("named")), bool(said.get("exits_only"))
    at_ms, by = _ms(said.get("at_ms")), str(said.get("by", ""))
    return Unfollowed(str(said.get("label", "")), at_ms, by, named, exits_only)


def _ms(said: object) -> int:
    return said if isinstance(said, int) else 0
