"""A pipeline that announced itself on a server, and the commands that ask for it."""

from redis import Redis
from typer.testing import CliRunner, Result

from ops.cli import app
from shared.clock import SystemClock
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.pipeline_record import note_start

SINCE_MS = 1_795_860_120_000
"""2026-11-28 10:02 UTC."""


def hybrid(redis_url: str, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--redis-url", redis_url])


def announced(redis_url: str, *modes: str) -> Redis:
    redis = connect_redis(redis_url)
    for mode in modes:
        note_start(redis, "buyer", mode, "buyer@here", SINCE_MS)
    return redis


def running(redis: Redis, mode: str) -> None:
    Lease(redis, f"buyer:{mode}", "buyer@here", clock=SystemClock()).try_acquire()
