"""A buy against what others paid lately, and against what rests in the market; what nobody knows forbids nothing."""

import pytest

from buyer.strategy.policy import decide_signal
from shared.messages.decisions import OthersPaid
from tests.amounts import D
from tests.buyer.builders import a_book, a_case, a_market, a_signal, some_limits
from tests.buyer.strategy.failed_rules import failed

TIGHT = a_book(bids=(("0.89", "5000"),), asks=(("0.9", "5000"),))
BAIT = a_signal(price=D("0.9"), shares=D(10), usdc=D(9))
OTHERS = OthersPaid(price=D("0.5"), shares=D(400), trades=9)


@pytest.mark.pitfall(42)
def test_a_leader_who_moved_the_whole_book_is_measured_by_what_others_paid() -> None:
    moved = {"signal": BAIT, "book": TIGHT, "others": lambda: OTHERS}
    rule = next(rule for rule in decide_signal(a_case(**moved)).rules if rule.rule == "others_paid")

    assert failed(**moved) == {"others_paid"}
    assert (rule.value, rule.limit) == ("0.9, others 0.5 for 400 shares", "0.75")
    assert failed(**moved, limits=some_limits(max_over_others_pct=D(80))) == set()
    assert failed(**moved, limits=some_limits(max_over_others_pct=0)) == set()


def test_where_nobody_else_traded_lately_nothing_speaks_against_a_price() -> None:
    assert failed(signal=BAIT, book=TIGHT) == set()


def test_a_tick_above_the_others_is_always_allowed() -> None:
    cheap = a_signal(price=D("0.02"), shares=D(100), usdc=D(2))
    others = OthersPaid(price=D("0.01"), shares=D(5), trades=1)

    assert "others_paid" not in failed(signal=cheap, others=lambda: others, limits=some_limits(max_over_others_pct=1))


def test_a_market_in_which_too_little_rests_is_not_bought_in_and_an_unknown_one_is_judged_by_its_book() -> None:
    limits = some_limits(min_liquidity_usdc=D(100))

    assert failed(market=a_market(liquidity=D(99)), limits=limits) == {"liquidity"}
    assert failed(market=a_market(liquidity=D(100)), limits=limits) == set()
    assert failed(market=a_market(), limits=limits) == set()
    assert failed(market=a_market(liquidity=D(1)), limits=some_limits(min_liquidity_usdc=0)) == set()


@pytest.mark.parametrize(("liquidity", "said"), [(None, "unknown in the market"), (D(250), "250 in the market")])
def test_the_rule_says_what_rests_there(liquidity: int | None, said: str) -> None:
    rules = decide_signal(a_case(market=a_market(liquidity=liquidity))).rules
    (rule,) = (rule for rule in rules if rule.rule == "liquidity")

    assert rule.value.endswith(said)
    assert rule.limit == "50%, 100 in the market"
