"""Stakes: caps count everything, the venue's minimum never breaks them, parts of a trade are staked on once."""

from typing import Any

import pytest
from msgspec.structs import replace

from buyer.strategy.policy import decide_signal
from shared.domain.money import MICRO
from tests.amounts import D
from tests.buyer.builders import (
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    some_limits,
)
from tests.buyer.strategy.failed_rules import failed


@pytest.mark.pitfall(19)
def test_caps_can_fire_and_count_what_is_not_confirmed_yet() -> None:
    assert failed(portfolio=a_portfolio(market_exposure=D("44.9"))) == {"market_cap"}
    assert failed(portfolio=a_portfolio(market_exposure=D("44.7"))) == set()
    assert failed(portfolio=a_portfolio(spent_today=D("194.9"))) == {"day_cap"}
    assert failed(portfolio=a_portfolio(cash=D(5))) == {"cash"}


@pytest.mark.pitfall(18)
def test_a_bump_to_the_minimum_never_breaks_a_cap() -> None:
    market = a_market(min_shares=D(100))

    bumped = decide_signal(a_case(market=market, limits=some_limits(max_market_usdc=D(60))))
    capped = decide_signal(a_case(market=market, limits=some_limits(max_market_usdc=D(50))))
    small = decide_signal(a_case(market=market, limits=some_limits(bump_to_minimum=False)))

    assert bumped.order is not None
    assert bumped.order.shares == D(100)
    assert capped.reason == "market_cap"
    assert small.reason == "minimum_size"


@pytest.mark.pitfall(18)
def test_a_bump_to_the_minimum_costs_no_more_than_a_stake_may() -> None:
    market = a_market(min_shares=D(100))

    wide = {"max_market_usdc": D(100), "max_event_usdc": D(100)}
    kelly = {"sizing": "kelly", "kelly_edge_pct": D(30), "kelly_cap_pct": D(5), "max_stake_usdc": D(60)}

    above = decide_signal(a_case(market=market, limits=some_limits(**wide, max_stake_usdc=D(51))))
    within = decide_signal(a_case(market=market, limits=some_limits(**wide, max_stake_usdc=D(52))))
    capped = decide_signal(a_case(market=market, limits=some_limits(**wide, **kelly)))

    assert above.reason == "minimum_size"
    assert within.order is not None
    assert within.order.shares == D(100)
    assert capped.reason == "minimum_size"


@pytest.mark.pitfall(18)
@pytest.mark.parametrize("price", ["0.05", "0.12", "0.19"])
def test_a_buy_offers_at_least_the_venues_one_pusd(price: str) -> None:
    signal = a_signal(price=D(price), usdc=D(price) * 100)
    book = replace(a_book(bids=((price, "100"),), asks=((price, "100"),)), bids=())

    thin = some_limits(stake_usdc=D("0.5"), max_spread=0, max_over_fair_pct=0, min_resale_pct=0)
    raised = decide_signal(a_case(signal=signal, book=book, limits=thin))
    small = decide_signal(a_case(signal=signal, book=book, limits=thin.with_changes(bump_to_minimum=False)))

    assert raised.order is not None
    offered = raised.order.shares * raised.order.limit_price
    assert D(1) * MICRO <= offered < (D("1.01") + raised.order.limit_price) * MICRO
    assert small.reason == "minimum_size"


@pytest.mark.parametrize(("part", "at_risk", "sizing"), [(0, 20, "fixed"), (1, 0, "fixed"), (1, 20, "percent")])
def test_a_part_of_a_trade_is_followed_when_it_is_no_second_stake(part: int, at_risk: int, sizing: Any) -> None:
    limits, held = some_limits(sizing=sizing, leader_pct=D(20)), a_portfolio(market_exposure=D(at_risk))

    assert decide_signal(a_case(signal=a_signal(part=part), portfolio=held, limits=limits)).order is not None


@pytest.mark.parametrize("sizing", ["fixed", "kelly", "tiered"])
def test_a_trade_that_is_told_in_parts_is_staked_on_once(sizing: Any) -> None:
    limits = some_limits(sizing=sizing, kelly_edge_pct=D(30), tiers="*:0.1")

    decision = decide_signal(
        a_case(signal=a_signal(part=1), portfolio=a_portfolio(market_exposure=D(20)), limits=limits)
    )

    assert decision.reason == "whole_trade"
