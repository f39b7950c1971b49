"""Whom `hybrid follow` added and `hybrid unfollow` took away: two hashes in Redis that every detector reads.

What was unfollowed stays so over restarts, also when the environment or a file names it, until it is followed again.
"""

import json
from dataclasses import asdict, dataclass
from typing import cast

from redis import Redis

from shared.broker import answering

FOLLOWED = "hs:leaders"
"""Hash: address -> JSON of a `Followed`."""
UNFOLLOWED = "hs:leaders:unfollowed"
"""Hash: address -> JSON of a `Followed`: since when nobody follows it, whoever names it, and who said so."""
VERSION = "hs:leaders:version"
"""Grows with every change, so that detectors read the hashes only then."""


@dataclass(frozen=True, slots=True)
class Followed:
    """Since when a leader is followed, by whom, under which name."""

    label: str = ""
    added_at_ms: int = 0
    by: str = ""


def follow(redis: Redis, address: str, followed: Followed) -> bool:
    """Follow an address; return False when it was followed already (then its label is new)."""
    with answering(redis), redis.pipeline(transaction=True) as pipe:
        pipe.hset(FOLLOWED, address, json.dumps(asdict(followed)))
        pipe.hdel(UNFOLLOWED, address)
        pipe.incr(VERSION)
        added, *_ = pipe.execute()
    return bool(added)


def unfollow(redis: Redis, address: str, unfollowed: Followed) -> None:
    """Follow an address no more, whoever names it, until somebody follows it again."""
    with answering(redis), redis.pipeline(transaction=True) as pipe:
        pipe.hdel(FOLLOWED, address)
        pipe.hset(UNFOLLOWED, address, json.dumps(asdict(unfollowed)))
        pipe.incr(VERSION)
        pipe.execute()


def followed(redis: Redis) -> dict[str, Followed]:
    """Return whom `hybrid follow` added.

    Raises:
        Unavailable: the server is away.
    """
    return _read(redis, FOLLOWED)


def unfollowed(redis: Redis) -> dict[str, Followed]:
    """Return who is not followed although somebody may name it.

    Raises:
        Unavailable: the server is away.
    """
    return _read(redis, UNFOLLOWED)


def _read(redis: Redis, key: str) -> dict[str, Followed]:
    with answering(redis):
        stored = cast("dict[str, str]", redis.hgetall(key))
    return {address: _entry(text) for address, text in stored.items()}


def _entry(text: str) -> Followed:
    """Return an entry; of one that a newer version or a person wrote, what can be read."""
    try:
        said = json.loads(text)
        return Followed(str(said.get("label", "")), int(said.get("added_at_ms", 0)), str(said.get("by", "")))
    except (ValueError, TypeError, AttributeError):
        return Followed()
