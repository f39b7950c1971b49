"""Whatever the numbers, the policy gives a verdict, breaks no cap, and its explanation agrees with it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.strategy.policy import PolicyDecision, decide_signal
from buyer.strategy.sizing import STAKES
from shared.domain.errors import Malformed
from shared.domain.money import Price, Rate, micro_text
from shared.messages.decisions import HeldLot, Portfolio
from shared.messages.value_codec import codec_of, plain_value
from tests.amounts import D
from tests.buyer.builders import (
    NOW_MS,
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    some_limits,
)

PRICES = st.integers(0, D(2)).map(Price)
AMOUNTS = st.integers(0, D(10**9))


@settings(max_examples=40)
@given(
    price=PRICES,
    mode=st.sampled_from(sorted(STAKES)),
    usdc=AMOUNTS,
    cash=AMOUNTS,
    lot=AMOUNTS,
    tick=st.sampled_from([D("0.1"), D("0.01"), D("0.001"), D("0.07"), D(1)]),
    minimum=AMOUNTS,
    rate=st.integers(0, 10_000).map(lambda n: Rate(n * D("0.0001"))),
    asks=st.lists(st.tuples(PRICES, AMOUNTS), max_size=4),
    side=st.sampled_from(["BUY", "SELL"]),
    missing=st.sampled_from(["", "market", "book", "portfolio"]),
)
def test_the_policy_never_raises_and_never_breaks_a_cap(
    price: Price,
    mode: str,
    usdc: int,
    cash: int,
    lot: int,
    tick: Price,
    minimum: int,
    rate: Rate,
    asks: list[tuple[Price, int]],
    side: str,
    missing: str,
) -> None:
    parts: dict[str, Any] = {
        "signal": a_signal(price=price, usdc=usdc, side=side),
        "market": a_market(tick=tick, min_shares=minimum, fee_rate=rate),
        "book": a_book(bids=(("0.01", "5"),), asks=tuple((micro_text(a), micro_text(b)) for a, b in asks)),
        "portfolio": a_portfolio(
            cash=cash,
            lot_shares=lot,
            spent_today=usdc % D(300),
            market_exposure=cash % D(60),
            event_exposure=cash % D(110),
            leader_exposure=usdc % D(210),
            total_exposure=lot % D(510),
            lot=HeldLot(opened_at_ms=1, event_id="77"),
        ),
        "limits": some_limits(sizing=mode, kelly_edge_pct=price, gather_window_s=60),
    }
    if missing:
        parts[missing] = None
    case = a_case(**parts)

    decision = decide_signal(case)

    assert decision == decide_signal(case)
    assert_explained(decision)
    if decision.order and decision.verdict == "BUY":
        assert case.portfolio is not None
        assert decision.order.budget <= case.portfolio.cash
        assert case.portfolio.spent_today + decision.order.budget <= case.limits.max_day_usdc
        assert case.portfolio.market_exposure + decision.order.budget <= case.limits.max_market_usdc
        assert case.portfolio.event_exposure + decision.order.budget <= case.limits.max_event_usdc
        assert case.portfolio.leader_exposure + decision.order.budget <= case.limits.max_leader_usdc
        assert case.portfolio.total_exposure + decision.order.budget <= case.limits.max_total_usdc
    if decision.order and decision.verdict == "SELL":
        assert decision.order.shares <= lot


@pytest.mark.pitfall(19)
@pytest.mark.parametrize("said", ["NaN", "Infinity", "", None, 4.99])
def test_a_balance_that_is_no_number_is_none_to_decide_by_and_nothing_is_sold(said: Any) -> None:
    with pytest.raises(Malformed, match="lot_shares"):
        codec_of(Portfolio).of_plain({**plain_value(a_portfolio()), "lot_shares": said})

    decision = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=None))

    assert decision.verdict == "SKIP"
    assert "cannot be evaluated" in next(rule.value for rule in decision.rules if rule.rule == "minimum_size")


@pytest.mark.pitfall(19)
def test_amounts_that_cannot_be_reckoned_with_fail_their_rules_and_nothing_is_sold() -> None:
    """A part of no shares at all is a division by 0."""
    odd = replace(a_portfolio(), lot_shares=D(10), lot_cost=D(5), behind=D(0))
    sell, limits = a_signal(side="SELL", shares=D(-1)), some_limits(mirror_sells="proportional")

    decision = decide_signal(a_case(signal=sell, portfolio=odd, limits=limits))

    assert decision.verdict == "SKIP"
    assert "cannot be evaluated" in next(rule.value for rule in decision.rules if rule.rule == "minimum_size")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"now_ms": NOW_MS + 10**6},
        {"now_ms": NOW_MS - 10**6},
        {"book": None},
        {"market": None, "problems": ()},
        {"signal": a_signal(side="SELL")},
        {"limits": some_limits(role="maker", not_keywords=("will",))},
        {"limits": some_limits(only_categories=("politics",))},
        {"limits": some_limits(only_markets=("elsewhere",), min_depth_usdc=D(10**6))},
        {"limits": some_limits(sides="sell", gather_window_s=60)},
        {"limits": some_limits(max_to_end_s=60)},
        {"limits": some_limits(min_leader_usdc=D(10**6), gather_window_s=60)},
    ],
)
def test_a_verdict_is_what_its_explanation_says(changes: dict[str, Any]) -> None:
    decision = decide_signal(a_case(**changes))

    assert decision.rules
    assert_explained(decision)


def assert_explained(decision: PolicyDecision) -> None:
    """Rules are asked until the verdict is settled, and told all: the first that fails is the reason."""
    failed = [rule.rule for rule in decision.rules if not rule.passed]
    gathered = "gathered" in failed
    assert decision.reason == ("gathered" if gathered else failed[0] if failed else "all rules passed")
    assert (decision.order is None) == bool(failed)
