"""Who holds the shards of one server's buyers now: what everybody may read who reaches it."""

from dataclasses import dataclass
from typing import cast

from redis import Redis

from buyer.domain.token_shard import TokenShard
from shared.redis.client import answering

LAYOUT = "hs:buyers:shards"


@dataclass(frozen=True, slots=True)
class ShardLease:
    """Who holds a shard now ('' for nobody), and how long ago its lease was taken or renewed (None: never)."""

    name: str
    holder: str
    age_s: float | None


def shard_holders(redis: Redis, mode: str) -> dict[str, str]:
    """Return who holds each shard now, by its number; '' for nobody.

    Raises:
        Unavailable: the server is away.
    """
    return {held.name: held.holder for held in shard_leases(redis, mode)}


def shard_leases(redis: Redis, mode: str) -> list[ShardLease]:
    """Return how each shard is held, by the server's clock.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        count = int(cast("str | None", redis.get(LAYOUT)) or 1)
        seconds, micros = redis.time()
        shards = [TokenShard(number, count) for number in range(count)]
        names = ["holder", "until_ms", "renewed_ms"]
        leases = [redis.hmget(f"hs:lease:{shard.lease(mode)}", names) for shard in shards]
    now_ms = seconds * 1000 + micros // 1000
    found = cast("list[list[str | None]]", leases)
    return [
        ShardLease(
            f"{shard.number}/{count}",
            str(holder) if int(until_ms or 0) > now_ms else "",
            max(0, now_ms - int(renewed_ms)) / 1000 if renewed_ms else None,
        )
        for shard, (holder, until_ms, renewed_ms) in zip(shards, found, strict=True)
    ]
