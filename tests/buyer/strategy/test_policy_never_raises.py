"""Whatever the numbers, the policy gives a verdict, breaks no cap, and says the same without its explanation."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buyer.strategy.policy import GATHERED, PolicyDecision, decide_signal
from buyer.strategy.sizing import STAKES
from buyer.strategy.skip_cache import SkipCache
from shared.messages.decisions import HeldLot
from tests.buyer.builders import (
    NOW_MS,
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    some_limits,
)

D = Decimal
PRICES = st.decimals(D(0), D(2), places=6)
AMOUNTS = st.decimals(D(0), D(10) ** 9, places=6)


@settings(max_examples=40)
@given(
    price=PRICES,
    mode=st.sampled_from(sorted(STAKES)),
    usdc=AMOUNTS,
    cash=AMOUNTS,
    lot=AMOUNTS,
    tick=st.sampled_from([D("0.1"), D("0.01"), D("0.001"), D("0.07"), D(1)]),
    minimum=AMOUNTS,
    rate=st.decimals(D(0), D(1), places=4),
    asks=st.lists(st.tuples(PRICES, AMOUNTS), max_size=4),
    side=st.sampled_from(["BUY", "SELL"]),
    missing=st.sampled_from(["", "market", "book", "portfolio"]),
)
def test_the_policy_never_raises_and_never_breaks_a_cap(
    price: Decimal,
    mode: str,
    usdc: Decimal,
    cash: Decimal,
    lot: Decimal,
    tick: Decimal,
    minimum: Decimal,
    rate: Decimal,
    asks: list[tuple[Decimal, Decimal]],
    side: str,
    missing: str,
) -> None:
    parts: dict[str, Any] = {
        "signal": a_signal(price=price, usdc=usdc, side=side),
        "market": a_market(tick=tick, min_shares=minimum, fee_rate=rate),
        "book": a_book(bids=(("0.01", "5"),), asks=tuple((str(a), str(b)) for a, b in asks)),
        "portfolio": a_portfolio(
            cash=cash,
            lot_shares=lot,
            spent_today=usdc % 300,
            market_exposure=cash % 60,
            event_exposure=cash % 110,
            leader_exposure=usdc % 210,
            total_exposure=lot % 510,
            lot=HeldLot(opened_at_ms=1, event_id="77"),
        ),
        "limits": some_limits(sizing=mode, kelly_edge_pct=price, gather_window_s=60),
    }
    if missing:
        parts[missing] = None
    case = a_case(**parts)

    decision = decide_signal(case)

    assert decision == decide_signal(case)
    assert_the_same_without_explanation(parts, decision)
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
def test_a_balance_that_is_no_number_fails_its_rules_and_nothing_is_sold() -> None:
    odd = a_portfolio().model_copy(update={"lot_shares": D("NaN")})

    decision = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=odd))

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
def test_a_verdict_without_its_explanation_is_the_same_verdict(changes: dict[str, Any]) -> None:
    whole = decide_signal(a_case(**changes))

    assert whole.rules
    assert_the_same_without_explanation(changes, whole)


def assert_the_same_without_explanation(changes: dict[str, Any], whole: PolicyDecision) -> None:
    """Only a skip from which nothing follows comes without the trade as well."""
    bare = decide_signal(a_case(**changes), SkipCache().failed)

    assert not any(rule.rule != GATHERED for rule in bare.rules)
    assert bare._replace(rules=whole.rules, trade=whole.trade) == whole
    assert bare.idle or bare.trade == whole.trade
