"""The buyers that run on a server: those that hold a shard, and those that say that they work without one."""

from collections.abc import Sequence

from redis import Redis

from buyer.sharding.shard_leases import shard_holders
from shared.process.beats import read_standings
from shared.process.process_name import host_of

_BUYING = frozenset({"buyer", "service"})
"""A `service` and its buyer are one process, and told once."""


def holding_buyers(redis: Redis, mode: str) -> tuple[str, ...]:
    """Return who holds a shard of this mode.

    Raises:
        Unavailable: the server is away.
    """
    return tuple(sorted({holder for holder in shard_holders(redis, mode).values() if holder}))


def waiting_buyers(redis: Redis, mode: str, holders: Sequence[str]) -> tuple[str, ...]:
    """Return who works and holds no shard: they wait for the venue, stand by, or lost it with the server.

    A process is named by its machine (`buyer@host:12.3f2a`), a holder by its consumer (`buyer-0@ab12cd34.host`):
    where as many hold as work, all of them do.

    Raises:
        Unavailable: the server is away.
    """
    found = {
        one.beat.instance.partition("@")[2]: one.beat
        for one in read_standings(redis)
        if one.service in _BUYING and one.beat.mode == mode and one.working
    }
    hosts = [host_of(holder.partition("@")[2]) for holder in holders]
    waiting: list[str] = []
    for beat in found.values():
        if beat.host in hosts:
            hosts.remove(beat.host)
        else:
            waiting.append(beat.instance)
    return tuple(waiting)
