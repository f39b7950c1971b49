"""Every rule, alone: what passes, what fails, and what it says."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.strategy.policy import GATHERED, PolicyDecision, decide_signal, refused_rule
from buyer.strategy.sizing import STAKES, limit_price
from buyer.strategy.skip_cache import SkipCache
from shared.domain.market import Book
from shared.messages.decisions import HeldLot
from shared.messages.signals import MarketHint
from tests.buyer.builders import (
    NOW_MS,
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    levels,
    some_limits,
)

D = Decimal


def failed(**changes: Any) -> set[str]:
    """Return the names of the rules that fail."""
    return {rule.rule for rule in decide_signal(a_case(**changes)).rules if not rule.passed}


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


@pytest.mark.pitfall(15)
def test_a_book_or_market_of_another_outcome_is_never_bought() -> None:
    assert "right_token" in failed(market=a_market(token_id="999"))
    assert "right_token" in failed(book=a_book(token_id="999"))
    assert "right_token" in failed(signal=a_signal(market=MarketHint(condition_id="0x" + "ff" * 32)))


@pytest.mark.pitfall(15)
def test_the_second_outcome_is_bought_as_the_second_outcome() -> None:
    signal = a_signal(token_id="222")
    decision = decide_signal(
        a_case(signal=signal, market=a_market(token_id="222", outcome_index=1), book=a_book(token_id="222"))
    )

    assert decision.order is not None
    assert decision.order.token_id == "222"


@pytest.mark.pitfall(16)
def test_levels_in_any_order_give_the_same_best_price() -> None:
    upside_down = Book.of(
        "1234567890", NOW_MS, levels(("0.48", "1"), ("0.49", "1")), levels(("0.53", "1"), ("0.5", "9"))
    )

    assert upside_down.best_ask == D("0.5")
    assert upside_down.best_bid == D("0.49")


@pytest.mark.pitfall(16)
def test_an_empty_side_a_crossed_book_and_a_stale_book_are_not_traded_on() -> None:
    assert {"book_sane", "slippage", "fillable"} == failed(book=a_book(asks=()))
    assert "book_sane" in failed(book=a_book(bids=(("0.51", "5"),)))
    assert failed(book=a_book(at_ms=NOW_MS - 11_000)) == {"book_fresh"}


@pytest.mark.pitfall(19)
def test_caps_can_fire_and_count_what_is_not_confirmed_yet() -> None:
    assert failed(portfolio=a_portfolio(market_exposure=D("44.9"))) == {"market_cap"}
    assert failed(portfolio=a_portfolio(market_exposure=D("44.7"))) == set()
    assert failed(portfolio=a_portfolio(spent_today=D("194.9"))) == {"day_cap"}
    assert failed(portfolio=a_portfolio(cash=D(5))) == {"cash"}


@pytest.mark.pitfall(19)
def test_what_cannot_be_evaluated_fails_and_says_so() -> None:
    decision = decide_signal(a_case(book=None, portfolio=None))

    assert decision.verdict == "SKIP"
    unknown = {rule.rule: rule.value for rule in decision.rules if not rule.passed}
    assert unknown["slippage"] == "cannot be evaluated: the book is not known"
    assert {"kill_switch", "market_cap", "day_cap", "cash"} <= set(unknown)


@pytest.mark.pitfall(17)
def test_a_tick_the_venue_does_not_know_is_refused() -> None:
    assert "slippage" in failed(market=a_market(tick=D("0.03")))


@pytest.mark.pitfall(17)
def test_the_books_own_tick_beats_the_one_we_remember() -> None:
    changed = a_book(tick=D("0.001"))

    decision = decide_signal(a_case(book=changed, signal=a_signal(price=D("0.4987"), usdc=D("49.87"))))

    assert decision.order is not None
    assert decision.order.limit_price == D("0.508")


@pytest.mark.pitfall(17)
@pytest.mark.parametrize("tick", ["0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"])
def test_the_limit_is_on_the_grid_of_every_tick(tick: str) -> None:
    decision = decide_signal(a_case(market=a_market(tick=D(tick)), signal=a_signal(price=D("0.5013"), usdc=D("50.13"))))

    assert decision.order is None or decision.order.limit_price % D(tick) == 0
    assert decision.order is None or decision.order.limit_price <= D("0.5013") + max(2 * D(tick), D("0.010026"))


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

    raised = decide_signal(a_case(signal=signal, book=book, limits=some_limits(stake_usdc=D("0.5"))))
    small = decide_signal(
        a_case(signal=signal, book=book, limits=some_limits(stake_usdc=D("0.5"), bump_to_minimum=False))
    )

    assert raised.order is not None
    assert D(1) <= raised.order.shares * raised.order.limit_price < D("1.01") + raised.order.limit_price
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


def test_slippage_compares_the_price_we_would_hit_with_the_leaders() -> None:
    assert failed(book=a_book(asks=(("0.53", "100"),))) == {"slippage", "fillable"}
    assert failed(book=a_book(asks=(("0.52", "100"),))) == set()


def test_a_small_leader_trade_a_price_outside_the_band_and_a_closed_market_are_skipped() -> None:
    assert failed(signal=a_signal(usdc=D("0.99"))) == {"leader_trade"}
    assert "price_band" in failed(signal=a_signal(price=D("0.98"), usdc=D(98)))
    assert failed(market=a_market(closed=True)) == {"market_open"}
    assert failed(market=a_market(accepting_orders=False)) == {"market_open"}


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("price", [D(0), D(1), D("1.2")])
def test_a_price_of_nothing_or_certainty_is_not_followed(price: Decimal) -> None:
    assert "leader_price" in failed(signal=a_signal(price=price))


def test_a_leaders_sell_sells_that_leaders_whole_lot() -> None:
    signal = a_signal(side="SELL", shares=D(1000), usdc=D(500))
    decision = decide_signal(a_case(signal=signal, portfolio=a_portfolio(lot_shares=D("12.345"), lot_cost=D(6))))

    assert decision.verdict == "SELL"
    assert decision.order is not None
    assert decision.order.shares == D("12.34")
    assert decision.order.limit_price == D("0.48")


@pytest.mark.pitfall(22)
def test_a_sell_whose_buy_was_skipped_and_dust_sell_nothing() -> None:
    assert "lot_held" in failed(signal=a_signal(side="SELL"))
    dust = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D("4.99"))))
    assert dust.reason == "minimum_size"


def test_sells_can_be_switched_off() -> None:
    off = some_limits(mirror_sells="none")
    assert failed(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D(10)), limits=off) == {
        "sells_mirrored"
    }


def test_a_refusal_by_the_ledger_is_a_skip_that_says_which_account() -> None:
    decision = refused_rule(decide_signal(a_case()), "day:20261122", 201_000_000, 200_000_000)

    assert (decision.verdict, decision.reason, decision.order) == ("SKIP", "ledger", None)
    assert decision.rules[-1].value == "day:20261122=201"


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
    odd = replace(a_portfolio(), lot_shares=D("NaN"))

    decision = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=odd))

    assert decision.verdict == "SKIP"
    assert "cannot be evaluated" in next(rule.value for rule in decision.rules if rule.rule == "minimum_size")


def test_a_sells_limit_never_goes_below_the_allowance() -> None:
    """2 ticks below 0.515 is 0.495: on the grid of 0.01 that is 0.50, not 0.49."""
    assert limit_price(D("0.515"), "SELL", D("0.01"), 2, D(0)) == D("0.50")


def test_a_limit_reads_the_same_however_its_tick_was_written_before() -> None:
    """Values are kept: what an equal tick of another form gave first must not show in later decisions."""
    assert str(limit_price(D("0.999"), "BUY", D("0.010"), 2, D(0))) == "0.99"
    assert str(limit_price(D("0.999"), "BUY", D("0.01"), 2, D(0))) == "0.99"
    assert str(limit_price(D("0.002"), "SELL", D("0.01"), 2, D("0.0"))) == "0.01"


def test_a_sell_of_a_crumb_says_what_is_left_of_it_in_hundredths() -> None:
    decision = decide_signal(a_case(signal=a_signal(side="SELL"), portfolio=a_portfolio(lot_shares=D("0.009"))))

    assert next(rule.value for rule in decision.rules if rule.rule == "minimum_size") == "0.00"


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
