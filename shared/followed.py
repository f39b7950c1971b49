"""Whom `hybrid follow` added: a hash in Redis that every detector reads while it runs."""

import json
from dataclasses import asdict, dataclass
from typing import cast

from redis import Redis

from shared.broker import answering

FOLLOWED = "hs:leaders"
"""Hash: address -> JSON of a `Followed`."""
VERSION = "hs:leaders:version"
"""Grows with every change, so that detectors read the hash only then."""


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
        pipe.incr(VERSION)
        added, _ = pipe.execute()
    return bool(added)


def unfollow(redis: Redis, address: str) -> bool:
    """Stop following an address; return False when nobody had asked for it."""
    with answering(redis), redis.pipeline(transaction=True) as pipe:
        pipe.hdel(FOLLOWED, address)
        pipe.incr(VERSION)
        removed, _ = pipe.execute()
    return bool(removed)


def followed(redis: Redis) -> dict[str, Followed]:
    """Return whom `hybrid follow` added.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        stored = cast("dict[str, str]", redis.hgetall(FOLLOWED))
    return {address: Followed(**json.loads(text)) for address, text in stored.items()}
