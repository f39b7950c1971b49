"""What the board of a real server says."""

import pytest
from redis import Redis

from ops.operator.board_reader import read_board
from ops.operator.controls import kill
from shared.clock import SystemClock
from shared.redis.client import connect_redis

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def test_a_killed_pipeline_says_so_with_who_and_why(redis: Redis) -> None:
    kill(redis, "paper", "it looks wrong", SystemClock())

    state = read_board(redis, "paper", 1_700_000_000_000).state

    assert (state.word, state.why) == ("killed", "it looks wrong")
    assert state.who
    assert state.since_ms
