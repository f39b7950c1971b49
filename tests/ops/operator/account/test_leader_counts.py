"""Copied and filled trades by leader, from the newest decisions."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from redis import Redis

from ops.operator.account.leader_counts import NEWEST, LeaderCounts, leader_counts
from shared.messages.base import DECISIONS
from shared.messages.decisions import Outcome
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import LEADER
from tests.ops.explain.life_builders import a_decision, a_skip

pytestmark = pytest.mark.server
OTHER = "0x" + "0b" * 20


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url) as client:
        yield client


def test_an_order_is_a_copy_and_one_that_got_shares_is_filled(redis: Redis) -> None:
    missed = Outcome(state="CANCELLED", shares=D(0), usdc=D(0), fee=D(0))
    for event in (a_decision(), a_decision(outcome=missed), a_skip(), replace(a_skip(), leader=OTHER)):
        publish_event(redis, DECISIONS, event)

    assert leader_counts(redis, "paper") == {LEADER: LeaderCounts(3, 2, 1), OTHER: LeaderCounts(1, 0, 0)}


def test_other_money_and_what_cannot_be_read_counts_for_nobody(redis: Redis) -> None:
    publish_event(redis, DECISIONS, a_decision(mode="live"))
    redis.xadd(DECISIONS, {"event": "BUY_ENGINE_DECISION", "json": "{"})
    redis.xadd(DECISIONS, {"other": "1"})

    assert leader_counts(redis, "paper") == {}


def test_no_more_than_the_newest_entries_are_looked_at(redis: Redis) -> None:
    publish_event(redis, DECISIONS, a_decision())
    with redis.pipeline() as pipe:
        for _ in range(NEWEST):
            pipe.xadd(DECISIONS, {"json": "{}"})
        pipe.execute()

    assert leader_counts(redis, "paper") == {}
