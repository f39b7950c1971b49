"""Market facts at hand."""

import threading
from decimal import Decimal
from typing import Any

import pytest

from shared.clock import ManualClock
from shared.domain.errors import Malformed, Rejected, Unavailable
from shared.polymarket.clob import fetch_book
from shared.polymarket.gamma import MOST_TOKENS, fetch_markets
from shared.polymarket.market_facts import MarketCache
from shared.rate_limit.limits import GateLane
from tests.amounts import D
from tests.detector.fakes import FakeUpstream
from tests.waiting import PATIENCE_S


class Gamma:
    """Markets by token; some are closed."""

    def __init__(self, *tokens: str, closed: tuple[str, ...] = ()) -> None:
        self.tokens, self.closed = set(tokens), set(closed)
        self.tick = Decimal("0.01")
        self.away = False

    def answer(self, asked: dict[str, Any]) -> Any:
        if self.away:
            return Unavailable("gamma: 503")
        known = self.closed if asked["closed"] == "true" else self.tokens
        return [self.market(token) for token in asked["clob_token_ids"] if token in known]

    def market(self, token: str) -> dict[str, Any]:
        return {
            "id": token,
            "conditionId": "0xc0",
            "outcomes": '["Yes"]',
            "clobTokenIds": f'["{token}"]',
            "orderPriceMinTickSize": self.tick,
            "closed": token in self.closed,
        }


class House:
    """A cache over a Gamma, with a clock moved by hand."""

    def __init__(self, gamma: Gamma, **given: Any) -> None:
        self.clock, self.stop = ManualClock(), threading.Event()
        self.upstream: Any = FakeUpstream(gamma.answer)
        self.cache = MarketCache(self.upstream, clock=self.clock, stop=self.stop, **given)

    def waiting(self, *tokens: str) -> None:
        """Queue tokens without the background thread."""
        self.stop.set()
        self.cache.warm(tokens)
        self.stop.clear()


def test_what_was_fetched_is_at_hand() -> None:
    house = House(Gamma("1"))

    assert house.cache.get("1") is None
    house.cache.fetch("1")

    assert house.cache.get("1") == house.cache.fetch("1")
    assert len(house.upstream.asked) == 1


def test_a_resolved_market_is_found_by_the_second_question() -> None:
    house = House(Gamma(closed=("9",)))

    assert house.cache.fetch("9").closed
    assert [asked["closed"] for asked in house.upstream.asked] == ["false", "true"]


def test_an_unknown_token_is_rejected_by_name() -> None:
    with pytest.raises(Rejected, match="token 77"):
        House(Gamma()).cache.fetch("77")


def test_facts_that_are_too_old_are_asked_for_again_because_ticks_change() -> None:
    gamma = Gamma("1")
    house = House(gamma, max_age_s=300)
    house.cache.fetch("1")
    gamma.tick = Decimal("0.001")

    house.clock.advance(301)

    assert house.cache.get("1") is None
    assert house.cache.fetch("1").tick == D("0.001")


def test_warming_asks_for_fifty_tokens_at_once() -> None:
    tokens = [str(number) for number in range(1, 121)]
    house = House(Gamma(*tokens))
    house.waiting(*tokens)

    asked = [house.cache.warm_some() for _ in range(4)]

    assert asked == [50, 50, 20, 0]
    assert len(house.upstream.asked) == 3
    assert house.cache.get("120") is not None


def test_what_nobody_knows_is_not_asked_for_again_at_once() -> None:
    house = House(Gamma())
    house.waiting("5")
    house.cache.warm_some()

    house.waiting("5")
    assert house.cache.warm_some() == 0
    house.clock.advance(61)
    house.waiting("5")

    assert house.cache.warm_some() == 1


def test_gamma_away_keeps_what_waits() -> None:
    gamma = Gamma("1")
    house = House(gamma)
    house.waiting("1")
    gamma.away = True

    with pytest.raises(Unavailable):
        house.cache.warm_some()
    gamma.away = False
    house.cache.warm_some()

    assert house.cache.get("1") is not None


@pytest.mark.pitfall(30)
def test_s4_memory_is_bounded() -> None:
    house = House(Gamma(*map(str, range(50))), most=10)

    for number in range(50):
        house.cache.fetch(str(number))

    assert len(house.cache) == 10


def test_the_background_thread_ends_with_the_stop_event() -> None:
    house = House(Gamma("1"))
    house.cache.warm(["1"])
    thread = next(each for each in threading.enumerate() if each.name == "markets")

    house.stop.set()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()


def test_one_unreadable_market_does_not_hide_the_others() -> None:
    upstream: Any = FakeUpstream(lambda _: [{"clobTokenIds": "[1,"}, Gamma().market("2")])

    facts, problems = fetch_markets(upstream, ["1", "2"], closed=False, lane=GateLane.FRESH)

    assert [fact.token_id for fact in facts] == ["2"]
    assert len(problems) == 1


def test_more_tokens_than_one_request_takes_are_the_callers_mistake() -> None:
    upstream: Any = FakeUpstream(lambda _: [])

    with pytest.raises(ValueError, match="at most"):
        fetch_markets(upstream, ["1"] * (MOST_TOKENS + 1), closed=False, lane=GateLane.FRESH)


def test_a_book_of_another_token_is_refused() -> None:
    upstream: Any = FakeUpstream(lambda _: {"asset_id": "2", "bids": [], "asks": []})

    assert fetch_book(upstream, "2", ManualClock()).token_id == "2"
    with pytest.raises(Malformed, match="asked for the book of 1"):
        fetch_book(upstream, "1", ManualClock())


class Pairs(Gamma):
    """Markets of two outcomes each, asked for by condition too."""

    def answer(self, asked: dict[str, Any]) -> Any:
        if "condition_ids" not in asked:
            return super().answer(asked)
        if self.away:
            return Unavailable("gamma: 503")
        known = self.closed if asked["closed"] == "true" else self.tokens
        return [self.market("1")] if asked["condition_ids"] == "0xc0" and "1" in known else []

    def market(self, token: str) -> dict[str, Any]:
        return super().market(token) | {"outcomes": '["Yes", "No"]', "clobTokenIds": '["1", "2"]'}


def test_the_outcomes_of_a_market_at_hand_cost_nothing_however_old_its_facts_are() -> None:
    house = House(Pairs("1"))
    house.cache.fetch("1")
    house.clock.advance(10_000)

    assert house.cache.outcomes("0xc0") == ("1", "2")
    assert len(house.upstream.asked) == 1
    assert house.cache.get("1") is None


@pytest.mark.parametrize("gamma", [Pairs("1"), Pairs(closed=("1",))])
def test_the_outcomes_of_a_market_not_at_hand_are_asked_for_once_open_or_closed(gamma: Gamma) -> None:
    house = House(gamma)

    assert house.cache.outcomes("0xc0") == house.cache.outcomes("0xc0") == ("1", "2")
    assert len(house.upstream.asked) == (1 if gamma.tokens else 2)


def test_a_market_of_which_one_outcome_is_at_hand_is_asked_for_whole() -> None:
    house = House(Pairs("1"))
    (known, _) = fetch_markets(house.upstream, ["1"], closed=False, lane=GateLane.FRESH)[0]
    house.cache._keep([known])

    assert house.cache.outcomes("0xc0") == ("1", "2")


def test_an_unknown_market_is_rejected_by_name_and_not_asked_for_again_for_a_minute() -> None:
    house = House(Pairs())

    for _ in range(3):
        with pytest.raises(Rejected, match="market 0xdd"):
            house.cache.outcomes("0xdd")
    assert len(house.upstream.asked) == 2
    house.clock.advance(61)
    with pytest.raises(Rejected):
        house.cache.outcomes("0xdd")
    assert len(house.upstream.asked) == 4


def test_a_gamma_that_is_away_is_asked_again() -> None:
    gamma = Pairs("1")
    house = House(gamma)
    gamma.away = True
    with pytest.raises(Unavailable):
        house.cache.outcomes("0xc0")

    gamma.away = False

    assert house.cache.outcomes("0xc0") == ("1", "2")
