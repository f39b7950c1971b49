"""What our programs note on their server stays, and is theirs alone."""

import pytest
from redis import Redis

from shared.redis.client import connect_redis
from shared.redis.pipeline_record import RECORD, ProgramRecord, note_running, note_start, note_wallet, read_record

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def test_the_first_start_is_kept_beside_the_last_one(redis: Redis) -> None:
    note_start(redis, "buyer", "live", "buyer@a", 1000)
    note_start(redis, "buyer", "live", "buyer@b", 5000)
    note_start(redis, "buyer", "paper", "buyer@c", 7000)
    note_wallet(redis, "live", "0x11")

    record = read_record(redis)

    assert record.programs == (
        ProgramRecord("buyer", "live", 1000, 5000, "buyer@b"),
        ProgramRecord("buyer", "paper", 7000, 7000, "buyer@c"),
    )
    assert record.wallets == {"live": "0x11"}


def test_a_heartbeat_changes_nothing_and_brings_back_what_an_emptied_server_lost(redis: Redis) -> None:
    note_start(redis, "buyer", "live", "buyer@a", 1000)
    note_running(redis, "buyer", "live", "buyer@b", 5000)
    kept = read_record(redis).programs
    redis.flushall()

    note_running(redis, "buyer", "live", "buyer@b", 5000)

    assert kept == (ProgramRecord("buyer", "live", 1000, 1000, "buyer@a"),)
    assert read_record(redis).programs == (ProgramRecord("buyer", "live", 5000, 5000, "buyer@b"),)


def test_a_note_that_nobody_of_ours_wrote_is_left_out(redis: Redis) -> None:
    redis.hset(RECORD, mapping={"program:buyer:live": "not ours", "program:x": "{}", "else": "1"})
    note_start(redis, "detector", "", "d@a", 1)

    assert [program.service for program in read_record(redis).programs] == ["detector"]
    note_start(redis, "buyer", "live", "buyer@a", 2)
    assert [program.service for program in read_record(redis).programs] == ["buyer", "detector"]
