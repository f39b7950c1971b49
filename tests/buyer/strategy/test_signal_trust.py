"""Whose word a buy needs (pitfall 48)."""

from typing import Literal

import pytest

from buyer.strategy.policy import decide_signal
from shared.messages.decisions import RuleResult
from shared.messages.signals import SeenBy
from tests.amounts import D
from tests.buyer.builders import NOW_MS, a_case, a_portfolio, a_signal, some_limits


def judged(*sources: str, side: Literal["BUY", "SELL"] = "BUY", min_nodes: int = 2) -> RuleResult:
    """Return the rule's verdict where each source showed the trade 400 ms after the one before it."""
    seen = tuple(
        SeenBy(source=source, seen_at_ms=NOW_MS - 5000 + 400 * number, lag_ms=0)
        for number, source in enumerate(sources)
    )
    signal = a_signal(seen_by=seen, side=side, emitted_at_ms=NOW_MS)
    case = a_case(signal=signal, limits=some_limits(min_nodes=min_nodes), portfolio=a_portfolio(lot_shares=D(10)))
    return next(rule for rule in decide_signal(case).rules if rule.rule == "corroborated")


@pytest.mark.pitfall(48)
@pytest.mark.parametrize(
    ("sources", "passes", "value"),
    [
        (("chain_logs",), False, "chain_logs, nobody else in 5000 ms"),
        (("chain_logs", "rtds"), True, "chain_logs, then rtds after 400 ms"),
        (("chain_logs", "second_node"), True, "chain_logs, then second_node after 400 ms"),
        (("rtds",), True, "rtds, nobody else in 5000 ms"),
        (("data_api",), True, "data_api, nobody else in 5000 ms"),
        ((), False, "nobody"),
    ],
)
def test_a_buy_needs_the_venues_word_or_two_nodes(sources: tuple[str, ...], value: str, *, passes: bool) -> None:
    rule = judged(*sources)

    assert (rule.passed, rule.value, rule.limit) == (passes, value, "the venue, or 2 nodes")


def test_one_node_is_enough_for_who_says_so_and_the_rule_then_stands_in_no_decision() -> None:
    one_node = a_case(limits=some_limits(min_nodes=1))

    assert decide_signal(one_node).verdict == "BUY"
    assert "corroborated" not in {rule.rule for rule in decide_signal(one_node).rules}
    assert not judged("chain_logs", "second_node", min_nodes=3).passed


def test_a_sell_that_nobody_confirmed_in_time_still_gets_us_out() -> None:
    assert judged("chain_logs", side="SELL") == RuleResult(
        rule="corroborated",
        passed=True,
        value="chain_logs, nobody else in 5000 ms",
        limit="the venue, or 2 nodes",
    )
