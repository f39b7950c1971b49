"""Market facts shared by processes, and what is fetched ahead."""

import threading
from typing import Any, cast

import fakeredis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from redis import Redis

from shared.clock import ManualClock
from shared.domain.errors import Rejected
from shared.domain.market import MarketFacts
from shared.polymarket.market_facts import MarketCache
from shared.polymarket.market_store import AGES, MARKETS, MarketStore
from shared.polymarket.wire.event_prefetch import EventPrefetch, next_in_series
from tests.amounts import D
from tests.detector.fakes import FakeUpstream


def facts(number: int = 1, **changes: Any) -> MarketFacts:
    return MarketFacts(
        token_id=str(number),
        condition_id="0xc0",
        outcome_index=0,
        tick=D("0.01"),
        min_shares=D(5),
        event_slug="weather",
        **changes,
    )


def a_market(token: str) -> dict[str, Any]:
    return {
        "id": token,
        "conditionId": f"0xc{token}",
        "outcomes": '["Yes", "No"]',
        "clobTokenIds": f'["{token}", "{token}00"]',
        "events": [{"slug": "eth-updown-5m-1790619600"}],
    }


class House:
    """A server, a clock and caches of several processes."""

    def __init__(self) -> None:
        self.redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.clock = ManualClock()
        self.upstream: Any = FakeUpstream(self.answer)

    def answer(self, asked: dict[str, Any]) -> Any:
        if asked["path"].startswith("/events/slug/"):
            slug = asked["path"].rpartition("/")[2]
            return {"slug": slug, "category": "Crypto", "markets": [a_market("5"), a_market("6")]}
        return [a_market(token) for token in asked["clob_token_ids"] if asked["closed"] == "false"]

    def process(self, **given: Any) -> MarketCache:
        store = MarketStore(self.redis, self.clock)
        return MarketCache(self.upstream, clock=self.clock, stop=threading.Event(), store=store, **given)

    def waiting(self, cache: MarketCache, *tokens: str) -> None:
        cache.stop.set()
        cache.warm(tokens)
        cache.stop.clear()


def test_what_one_process_learned_the_next_knows_without_asking() -> None:
    house = House()
    house.process().fetch("5")

    other = house.process()

    assert other.fetch("500").outcome == "No"
    assert other.preload() == 2
    assert other.get("5") is not None
    assert len(house.upstream.asked) == 1


def test_facts_keep_their_age_and_are_refreshed_when_they_are_old() -> None:
    house = House()
    house.process().fetch("5")
    house.clock.advance(149)

    young = house.process()
    young.preload()
    house.clock.advance(152)

    assert young.get("5") is None
    house.process().fetch("5")
    assert len(house.upstream.asked) == 2


def test_the_other_markets_of_an_event_and_the_next_of_its_series_are_fetched_ahead() -> None:
    house = House()
    cache = house.process(siblings=EventPrefetch())
    house.waiting(cache, "5")

    cache.warm_some()
    while cache.warm_siblings():
        pass

    asked = [one["path"] for one in house.upstream.asked]
    assert asked[1:] == ["/events/slug/eth-updown-5m-1790619600", "/events/slug/eth-updown-5m-1790619900"]
    assert cache.get("600") is not None
    house.waiting(cache, "5")
    assert not cache.warm_siblings()


def test_an_event_that_is_not_listed_yet_is_asked_for_again_later() -> None:
    siblings = EventPrefetch(again_s=600)
    house = House()
    house.upstream = FakeUpstream(lambda _: Rejected("no such event", 404))
    cache = house.process(siblings=siblings)
    siblings.want([facts()], house.clock.monotonic())

    with pytest.raises(Rejected):
        cache.warm_siblings()
    siblings.want([facts()], house.clock.monotonic())
    assert not cache.warm_siblings()
    house.clock.advance(601)
    siblings.want([facts()], house.clock.monotonic())

    with pytest.raises(Rejected):
        cache.warm_siblings()


def test_s4_the_store_is_bounded_and_the_oldest_leave() -> None:
    house = House()
    store = MarketStore(house.redis, house.clock, most=3)

    for token in range(1, 8):
        house.clock.advance(1)
        store.write([facts(token)])

    assert cast("Any", house.redis).hlen(MARKETS) == cast("Any", house.redis).zcard(AGES) == 3
    assert [one.facts.token_id for one in store.newest()] == ["7", "6", "5"]


def test_what_cannot_be_read_or_a_server_that_is_away_is_simply_not_known() -> None:
    house = House()
    cast("Any", house.redis).hset(MARKETS, "1", "nonsense")
    cast("Any", house.redis).hset(MARKETS, "2", '{"at_ms": 1, "facts": {}}')
    away = cast("Redis", fakeredis.FakeRedis(server=_away(), decode_responses=True))

    assert MarketStore(house.redis, house.clock).read(["1", "2", "3"]) == []
    assert MarketStore(away, house.clock).newest() == []
    MarketStore(away, house.clock).write([facts()])


def _away() -> fakeredis.FakeServer:
    server = fakeredis.FakeServer()
    server.connected = False
    return server


@pytest.mark.parametrize(
    ("slug", "following"),
    [
        ("eth-updown-5m-1790619600", "eth-updown-5m-1790619900"),
        ("btc-updown-1h-1790618400", "btc-updown-1h-1790622000"),
        ("weather", ""),
        ("", ""),
    ],
)
def test_the_next_of_a_series_is_known_from_its_slug(slug: str, following: str) -> None:
    assert next_in_series(slug) == following


@given(st.lists(st.text("abc-1", max_size=5), max_size=50))
def test_s4_what_is_wanted_ahead_is_bounded(slugs: list[str]) -> None:
    siblings = EventPrefetch(most=5)

    siblings.want([replace(facts(), event_slug=slug) for slug in slugs], 0)

    taken = 0
    while siblings.take(0):
        taken += 1
    assert taken <= 5
