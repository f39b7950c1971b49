"""Rate limits: sliding windows, a queue before the refusal, overridable."""

from typing import Any

import pytest

from simulator.gateway.limits import Limits

simulator = pytest.mark.simulator


def _passed(limits: Limits, upstream: str, route: str, times: list[float]) -> int:
    return sum(limits.judge(upstream, route, at).allowed for at in times)


@pytest.mark.parametrize(
    ("upstream", "route", "limit"),
    [
        ("data", "/v2/trades", 300),
        ("data", "/v2/activity", 200),
        ("data", "/v2/positions", 200),
        ("data", "/trades", 200),
        ("data", "/positions", 150),
        ("gamma", "/markets", 300),
        ("gamma", "/events", 500),
        ("clob", "/book", 1500),
        ("clob", "/books", 500),
        ("clob", "/tick-size", 200),
        ("subgraph", "/orderbook-subgraph/0.0.1/gn", 50),
    ],
)
def test_published_limits_hold_per_ten_seconds(upstream: str, route: str, limit: int) -> None:
    limits = Limits()
    assert _passed(limits, upstream, route, [5.0] * (limit + 50)) == limit
    assert _passed(limits, upstream, route, [14.9] * 5) == 0
    assert _passed(limits, upstream, route, [15.1] * 5) == 5


def test_routes_share_the_budget_of_their_api() -> None:
    limits = Limits()
    routes = ["/v2/activity", "/v2/trades", "/v2/positions", "/v2/value"]
    passed = sum(_passed(limits, "data", route, [1.0] * 300) for route in routes)
    assert passed == 800


def test_the_venue_delays_just_before_it_refuses() -> None:
    limits = Limits()
    waits = [limits.judge("data", "/v2/activity", 1.0).wait_s for _ in range(200)]
    assert waits[:190] == [0.0] * 190
    assert 0 < waits[-1] <= 0.25


def test_limits_can_be_lifted_or_scaled() -> None:
    assert _passed(Limits(enabled=False), "data", "/v2/activity", [1.0] * 500) == 500
    assert _passed(Limits(scale=0.1), "data", "/v2/activity", [1.0] * 500) == 20


@simulator
def test_an_override_makes_the_server_refuse_with_retry_after(venue: Any) -> None:
    venue.sim.limit("data_activity", 3, per_s=10)
    replies = [venue.get("data", "/v2/activity", user=venue.leader) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 10
    assert replies[-1].json()["retryable"] is True


@simulator
def test_an_unknown_budget_is_refused(venue: Any) -> None:
    reply = venue.post("sim", "/limits", {"data_everything": {"limit": 3}})
    assert reply.status_code == 400
