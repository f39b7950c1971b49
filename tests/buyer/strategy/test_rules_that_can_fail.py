"""Rules that are not asked for a verdict, as no case fails them: the verdict is that of all rules together."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from buyer.strategy.policy import decide_signal
from tests.amounts import D
from tests.buyer.builders import a_book, a_case, a_market, a_portfolio, a_signal, some_limits

LIMITS: dict[str, list[Any]] = {
    "sides": ["both", "buy", "sell"],
    "role": ["any", "taker"],
    "only_markets": [(), ("other",)],
    "not_categories": [(), ("sports",)],
    "only_keywords": [(), ("rain",)],
    "min_to_end_s": [0, 60],
    "min_depth_usdc": [D(0), D(1000)],
    "min_leader_usdc": [D(0), D(1)],
    "sizing": ["fixed", "percent", "kelly"],
    "max_hold_s": [0, 60],
    "own_wallets": [(), ("0x" + "1a" * 20,)],
}
SEEN: dict[str, list[Any]] = {
    "market": [None, a_market(), a_market(closed=True), a_market(category="sports")],
    "book": [None, a_book(), a_book(bids=())],
    "portfolio": [None, a_portfolio(), a_portfolio(lot_shares=D(20), lot_cost=D(8), market_exposure=D(8))],
    "signal": [a_signal(), a_signal(part=1), a_signal(side="SELL"), a_signal(usdc=D("0.1"), shares=D("0.2"))],
}


def some_of(choices: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.sampled_from(found) for name, found in choices.items()})


@given(limits=some_of(LIMITS), seen=some_of(SEEN))
def test_the_reason_is_the_first_rule_that_fails_of_all_that_a_decision_tells(
    limits: dict[str, Any], seen: dict[str, Any]
) -> None:
    decision = decide_signal(a_case(limits=some_limits(**limits), **seen))
    failed = [rule.rule for rule in decision.rules if not rule.passed]

    assert decision.reason == (failed[0] if failed else "all rules passed")
    assert (decision.order is None) == bool(failed)
