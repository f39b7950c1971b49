"""Move a pipeline's keys under a prefix, or to another server: key by key, and each is always in one place at least."""

from collections.abc import Callable, Iterator
from typing import cast

from redis import Redis

from redeemer.jobs.queue import bytes_connection
from shared.domain.errors import RefusedForSafety
from shared.process.beats import read_standings
from shared.redis.client import answering, bare_key, server_address
from shared.redis.connection.key_prefix import OWN

AT_ONCE = 500
SAID_EVERY = 1000

Tell = Callable[[str], None]
"""Takes a line that says how far it is."""


def move_keys(source: Redis, target: Redis, tell: Tell) -> int:
    """Move every key of ours; return how many. What was moved before is not looked at again, so call it again.

    Raises:
        RefusedForSafety: a program works on either, or a key stands in both and differs.
        Unavailable: a server is away.
        BadConfig: a user may not (DUMP, RESTORE, UNLINK).
    """
    where, there = server_address(source), server_address(target)
    if where == there:
        raise RefusedForSafety(f"both are {where}: nothing is moved; set HS_PREFIX, or name another server with --to")
    for redis in (source, target):
        _refuse_working(redis)
    bytes_of, bytes_to, moved = bytes_connection(source), bytes_connection(target), 0
    for key in _found(source):
        with answering(source):
            moved += _move(bytes_of, bytes_to, key)
        if moved % SAID_EVERY == 0:
            tell(f"{moved} keys of {where} are under {there}")
    return moved


def _refuse_working(redis: Redis) -> None:
    working = [one.beat.instance for one in read_standings(redis) if one.working]
    if working:
        raise RefusedForSafety(f"{working[0]} works on {server_address(redis)}: stop every program first")


def _found(redis: Redis) -> Iterator[str]:
    """Yield each key of ours; one that goes meanwhile is no harm."""
    for beginning in OWN:
        with answering(redis):
            for key in cast("Iterator[str]", redis.scan_iter(match=f"{beginning}*", count=AT_ONCE)):
                if (bare := bare_key(redis, key)).startswith(OWN):
                    yield bare


def _move(source: Redis, target: Redis, key: str) -> bool:
    """Move one key with its time to live; False when it is gone."""
    held = source.dump(key)
    if held is None:
        return False
    if target.exists(key):
        if target.dump(key) != held:
            raise RefusedForSafety(f"{key} stands in both places and differs: nothing was deleted; delete one of them")
    else:
        target.restore(key, max(0, source.pttl(key)), held)
    source.unlink(key)
    return True
