"""A connection to the real server."""

import pytest
from redis import Redis

from shared.redis.client import connect_redis


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)
