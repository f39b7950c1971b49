"""Forget the alerts on a server: their place in the streams, what they remember, and what still waits to be sent."""

from redis import Redis

from ops.alerts.event_reader import READ
from ops.alerts.outbox import CHANNELS, GROUP, STATE, WAITING
from ops.alerts.telegram.command_poll import OFFSETS
from shared.domain.errors import RefusedForSafety
from shared.process.beats import read_standings, standing_text
from shared.redis.client import answering, connect_redis


def forget_alerts(redis: Redis) -> int:
    """Drop everything of the alerts; return how many messages were still waiting.

    Streams are trimmed only up to what every group read, and a group that reads no more is waited for a week: this is
    for who switches alerts off for good.

    Raises:
        RefusedForSafety: one runs.
        Unavailable: the server is away; safe to call again.
    """
    running = [one for one in read_standings(redis) if one.service == "alerts" and one.working]
    if running:
        raise RefusedForSafety(f"{standing_text(running[0])}: stop it first, or it would begin anew with all there is")
    with answering(redis):
        keys = [WAITING + str(key) for key in redis.hkeys(CHANNELS)]
        left = sum(redis.hlen(key) for key in keys)
        for stream in READ:
            if redis.exists(stream):
                redis.xgroup_destroy(stream, GROUP)
        redis.delete(STATE, CHANNELS, OFFSETS, *keys)
    return left


def main(url: str) -> str:
    """Do it on a server; return what was done, in words."""
    with connect_redis(url) as redis:
        left = forget_alerts(redis)
    return f"forgotten; {left} messages were still waiting" if left else "forgotten; no message was waiting"
