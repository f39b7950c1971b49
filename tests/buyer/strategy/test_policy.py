"""Every rule, alone: what passes, what fails, and what it says."""

from decimal import Decimal

import pytest

from buyer.strategy.decision_context import ContextBase
from buyer.strategy.policy import Rulings, decide_signal, refused_rule
from buyer.strategy.rule import Rule
from buyer.strategy.rule_table import RuleSet
from shared.domain.market import positions_of
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
from tests.buyer.strategy.failed_rules import failed


def test_a_good_signal_is_bought_at_the_leaders_price_plus_the_allowance() -> None:
    decision = decide_signal(a_case())

    assert decision.verdict == "BUY"
    assert decision.order is not None
    assert decision.order.limit_price == D("0.52")
    assert decision.order.shares == D("9.61")
    assert decision.order.budget == D("5.24707")


def test_every_rule_is_in_the_decision_with_its_value_and_limit() -> None:
    rules = {rule.rule: rule for rule in decide_signal(a_case()).rules}

    assert rules["slippage"].value == "0.5"
    assert rules["slippage"].limit == "0.52"
    assert rules["day_cap"].limit == "200"
    assert all(rule.passed for rule in rules.values())


def test_the_reason_is_the_first_failed_rule_and_the_others_are_still_judged() -> None:
    decision = decide_signal(a_case(portfolio=a_portfolio(halted=True, cash=D(0))))

    assert decision.reason == "kill_switch"
    assert {"kill_switch", "cash"} == {rule.rule for rule in decision.rules if not rule.passed}


@pytest.mark.pitfall(22)
def test_a_signal_older_than_the_cutoff_is_stale() -> None:
    assert failed(signal=a_signal(traded_at_ms=NOW_MS - 61_000)) == {"signal_fresh"}
    assert failed(signal=a_signal(traded_at_ms=NOW_MS - 60_000)) == set()


@pytest.mark.pitfall(14)
def test_a_trade_a_second_in_our_future_is_fine_and_a_minute_is_not() -> None:
    assert failed(signal=a_signal(traded_at_ms=NOW_MS + 1_000)) == set()
    assert failed(signal=a_signal(traded_at_ms=NOW_MS + 60_000)) == {"clocks_agree"}


@pytest.mark.pitfall(19)
def test_what_cannot_be_evaluated_fails_and_says_so() -> None:
    decision = decide_signal(a_case(book=None, portfolio=None))

    assert decision.verdict == "SKIP"
    unknown = {rule.rule: rule.value for rule in decision.rules if not rule.passed}
    assert unknown["slippage"] == "cannot be evaluated: the book is not known"
    assert {"kill_switch", "market_cap", "day_cap", "cash"} <= set(unknown)


def test_slippage_compares_the_price_we_would_hit_with_the_leaders() -> None:
    assert failed(book=a_book(asks=(("0.53", "100"),))) == {"slippage", "fillable"}
    assert failed(book=a_book(asks=(("0.52", "100"),))) == set()


def test_a_small_leader_trade_a_price_outside_the_band_and_a_closed_market_are_skipped() -> None:
    assert failed(signal=a_signal(usdc=D("0.99"))) == {"leader_trade"}
    assert "price_band" in failed(signal=a_signal(price=D("0.98"), usdc=D(98)))
    assert failed(market=a_market(closed=True)) == {"market_open"}
    assert failed(market=a_market(accepting_orders=False)) == {"market_open"}


def test_a_market_of_protocol_v2_is_bought_where_its_condition_names_the_token_and_not_elsewhere() -> None:
    """Its condition has 31 bytes, and is all that the redeemer goes by."""
    condition = "0x01" + "ab" * 30
    named, stranger = positions_of(condition)[0], "0x01" + "cd" * 30

    assert "market_open" not in failed(market=a_market(condition_id=condition, token_id=named))
    assert "market_open" in failed(market=a_market(condition_id=stranger, token_id=named))


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("price", [D(0), D(1), D("1.2")])
def test_a_price_of_nothing_or_certainty_is_not_followed(price: Decimal) -> None:
    assert "leader_price" in failed(signal=a_signal(price=price))


def test_a_refusal_by_the_ledger_is_a_skip_that_says_which_account() -> None:
    decision = refused_rule(decide_signal(a_case()), "day:20261122", 201_000_000, 200_000_000)

    assert (decision.verdict, decision.reason, decision.order) == ("SKIP", "ledger", None)
    assert decision.rules[-1].value == "day:20261122=201"


def test_rules_are_asked_until_one_settles_the_matter_and_tell_their_texts_to_a_reader_only() -> None:
    asked, told = list[str](), list[str]()

    def a_rule(name: str, *, passed: bool) -> Rule:
        def passes(_case: ContextBase) -> bool:
            asked.append(name)
            return passed

        def shows(_case: ContextBase) -> tuple[str, str]:
            told.append(name)
            return name, "none"

        return Rule(passes, shows)

    rules = {name: a_rule(name, passed=name != "second") for name in ("first", "second", "third")}
    rulings = Rulings(RuleSet(rules, some_limits()), a_case())

    assert rulings.failed(lambda _name: True) == ["second"]
    assert (asked, told) == (["first", "second"], [])
    assert [rule.value for rule in rulings] == ["first", "second", "third"]
    assert [rule.passed for rule in rulings] == [True, False, True]
    assert told == ["first", "second", "third"]
