"""The line of equity on a real server: one point a minute, bounded, found by time."""

import pytest
from redis import Redis

from shared.account.equity_line import MINUTE_MS, add_point, first_point, points_at, thinned_line
from shared.messages.account import EquityPoint
from shared.redis.client import connect_redis
from tests.amounts import D

pytestmark = pytest.mark.server
START_MS = 1_790_000_000_000 // MINUTE_MS * MINUTE_MS


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def a_point(minute: int, equity: str | None = "100", into_ms: int = 0) -> EquityPoint:
    whole = None if equity is None else D(equity)
    at_ms = START_MS + minute * MINUTE_MS + into_ms
    rest = {"cash": D("90.000001"), "cost": D("9"), "realized": D("-1.5"), "fees": D("0.1"), "deposited": D("100")}
    return EquityPoint(at_ms=at_ms, equity=whole, **rest)


def test_of_several_writers_one_adds_the_point_of_a_minute(redis: Redis) -> None:
    assert add_point(redis, "paper", a_point(0, into_ms=7_000))
    assert not add_point(redis, "paper", a_point(0, "101", into_ms=9_000))
    assert not add_point(redis, "paper", a_point(-1))

    assert points_at(redis, "paper", [START_MS + 59_999]) == [a_point(0)]


def test_a_point_says_to_the_micro_unit_what_it_was_told_and_unknown_stays_unknown(redis: Redis) -> None:
    add_point(redis, "paper", a_point(0, None))

    assert first_point(redis, "paper") == a_point(0, None)


def test_before_the_line_begins_nothing_is_known_and_paper_knows_nothing_of_live(redis: Redis) -> None:
    add_point(redis, "paper", a_point(5))

    assert points_at(redis, "paper", [START_MS, START_MS + 6 * MINUTE_MS]) == [None, a_point(5)]
    assert first_point(redis, "live") is None


def test_a_thinned_line_ends_with_the_newest_point_and_repeats_none(redis: Redis) -> None:
    for minute in range(0, 60, 2):
        add_point(redis, "paper", a_point(minute, str(minute)))

    whole = thinned_line(redis, "paper", START_MS, START_MS + 60 * MINUTE_MS, 240)
    thin = thinned_line(redis, "paper", START_MS, START_MS + 60 * MINUTE_MS, 10)

    assert [point.equity for point in whole] == [D(minute) for minute in range(0, 60, 2)]
    assert len(thin) <= 11
    assert thin[-1] == a_point(58, "58")
