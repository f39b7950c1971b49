"""A Redis in memory, and a script that counts."""

from collections.abc import Generator
from pathlib import Path

import fakeredis
import pytest
from redis import Redis


@pytest.fixture
def fake() -> Generator[Redis]:
    redis = fakeredis.FakeRedis(decode_responses=True)
    yield redis
    redis.close()


@pytest.fixture
def counting(tmp_path: Path) -> Path:
    file = tmp_path / "counting.lua"
    file.write_text("redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
    return file
