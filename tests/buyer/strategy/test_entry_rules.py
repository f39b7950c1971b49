"""What keeps a buy from a market that is no market, and one bet from being paid for twice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.strategy.limits import checked_limits, later_limits
from buyer.strategy.policy import decide_signal
from buyer.strategy.rule_table import RULES, SWITCHED
from buyer.strategy.sizing import limit_price
from shared.domain.money import MICRO, Price
from shared.messages.decisions import HeldLot, LotExit, Staked
from tests.amounts import D
from tests.buyer.builders import NOW_MS, a_book, a_case, a_market, a_portfolio, a_signal, some_limits, some_settings
from tests.buyer.strategy.failed_rules import failed

ON: dict[str, Any] = {"stake_window_s": 60, "cooldown_s": 300, "other_outcome": "skip", "on_pending": "wait"}
BAIT_BOOK = a_book(bids=(("0.10", "5000"),), asks=(("0.92", "5000"),))
BAIT = a_signal(price=D("0.9"), shares=D("1.2"), usdc=D("1.08"))


@pytest.mark.pitfall(42)
def test_a_leader_who_trades_with_himself_far_above_the_book_is_not_followed() -> None:
    decision = decide_signal(a_case(signal=BAIT, book=BAIT_BOOK))

    assert decision.verdict == "SKIP"
    assert {"spread", "fair_price", "liquidity"} <= failed(signal=BAIT, book=BAIT_BOOK)
    assert [(one.value, one.limit) for one in decision.rules if one.rule == "fair_price"] == [
        ("0.9, middle 0.51", "0.561")
    ]


@pytest.mark.pitfall(42)
def test_a_small_bid_that_narrows_the_spread_buys_nobody_a_way_out() -> None:
    spoofed = a_book(bids=(("0.88", "1"), ("0.1", "5000")), asks=(("0.92", "5000"),))

    assert "liquidity" in failed(signal=BAIT, book=spoofed)


def test_without_a_bid_nobody_can_tell_the_spread_and_nothing_is_bought() -> None:
    assert {"spread", "fair_price", "liquidity"} <= failed(book=a_book(bids=()))


def test_a_leader_may_pay_a_tick_above_the_middle_of_the_narrowest_book() -> None:
    book = a_book(bids=(("0.03", "500"),), asks=(("0.04", "500"),))

    assert failed(signal=a_signal(price=D("0.04"), usdc=D(4)), book=book) == set()


@pytest.mark.pitfall(44)
def test_two_ticks_at_three_cents_are_no_slippage_that_a_buy_may_pay() -> None:
    cheap = a_signal(price=D("0.03"), usdc=D(3))
    book = a_book(bids=(("0.04", "500"),), asks=(("0.05", "500"),))

    assert "slippage" in failed(signal=cheap, book=book)
    assert "slippage" not in failed(signal=cheap, book=book, limits=some_limits(slippage_bound="larger"))


@given(
    st.integers(1, MICRO - 1),
    st.sampled_from([100_000, 10_000, 5_000, 2_500, 1_000, 100]),
    st.integers(0, 100),
    st.integers(0, 100 * MICRO),
)
def test_a_buy_pays_above_the_leader_neither_more_ticks_nor_more_percent_than_allowed(
    price: int, tick: int, ticks: int, pct: int
) -> None:
    limit = limit_price(Price(price), "BUY", Price(tick), ticks, pct, "smaller")

    assert limit == tick or (limit - price <= tick * ticks and (limit - price) * 100 * MICRO <= price * pct)


@pytest.mark.pitfall(41)
def test_a_buy_that_the_stop_loss_would_sell_at_once_is_not_made() -> None:
    wide = {"book": a_book(bids=(("0.42", "500"),), asks=(("0.5", "500"),)), "signal": a_signal()}

    assert failed(**wide, limits=some_limits(stop_loss_pct=D(15), max_over_fair_pct=0)) == {"leaves_at_once"}
    assert failed(**wide, limits=some_limits(stop_loss_pct=D(25), max_over_fair_pct=0)) == set()


@pytest.mark.pitfall(41)
def test_a_buy_after_the_planned_end_or_into_a_lot_held_too_long_is_not_made() -> None:
    over = a_market(ends_at_ms=NOW_MS - 1000)
    old = a_portfolio(lot_shares=D(10), lot_cost=D(5), lot=HeldLot(opened_at_ms=NOW_MS - 7_200_000, event_id="77"))

    assert failed(market=over, limits=some_limits(exit_before_end_s=30)) == {"leaves_at_once"}
    assert failed(portfolio=old, limits=some_limits(max_hold_s=3600)) == {"leaves_at_once"}
    assert failed(market=over) == failed(portfolio=old) == set()


@pytest.mark.pitfall(41)
def test_a_token_that_was_just_sold_whole_is_not_bought_back_until_the_cool_down_is_over() -> None:
    left = a_portfolio(left=LotExit(at_ms=NOW_MS - 299_999, reason="stop_loss"))
    rested = a_portfolio(left=LotExit(at_ms=NOW_MS - 300_000, reason="stop_loss"))

    assert failed(portfolio=left, limits=some_limits(**ON)) == {"cooldown"}
    assert failed(portfolio=rested, limits=some_limits(**ON)) == set()


@pytest.mark.pitfall(44)
@pytest.mark.parametrize(("sizing", "skipped"), [("fixed", ["stake_window"]), ("percent", [])])
def test_the_pieces_of_one_order_get_one_stake_unless_each_gets_its_share(sizing: Any, skipped: list[str]) -> None:
    staked = a_portfolio(staked=Staked(at_ms=NOW_MS - 2000, usdc=D(5)))

    assert failed(portfolio=staked, limits=some_limits(**ON, sizing=sizing)) == set(skipped)


@pytest.mark.pitfall(44)
def test_the_other_outcome_of_a_market_we_are_in_is_not_bought() -> None:
    held, dust = a_portfolio(other_outcome=D(6)), a_portfolio(other_outcome=D("0.9"))

    assert failed(portfolio=held, limits=some_limits(**ON)) == {"other_outcome"}
    assert failed(portfolio=dust, limits=some_limits(**ON)) == set()


@pytest.mark.pitfall(44)
def test_a_wallet_of_ours_is_never_followed_and_does_not_change_the_name_of_the_limits() -> None:
    ours = some_limits().with_own(["0x" + "A1" * 20])

    assert failed(limits=ours) == {"own_wallet"}
    assert ours.id == some_limits().id
    assert "own_wallet" in failed(limits=some_settings("--wallet", "0x" + "a1" * 20).limits)


def test_a_protection_that_is_off_stands_in_no_decision_and_does_not_change_the_name_of_its_limits() -> None:
    off = later_limits()
    limits = some_limits(**off)

    assert not {one.rule for one in decide_signal(a_case(limits=limits)).rules} & SWITCHED.keys()
    later = {name: value for name, value in limits.plain().items() if name not in off or name == "leader_limits"}
    assert checked_limits(later).id == limits.id
    assert {one.rule for one in decide_signal(a_case(limits=some_limits(**ON))).rules} >= SWITCHED.keys() & RULES[
        "BUY"
    ].keys()


@given(
    bids=st.lists(st.tuples(st.integers(1, 98), st.integers(1, 500)), max_size=5),
    asks=st.lists(st.tuples(st.integers(2, 99), st.integers(1, 500)), min_size=1, max_size=5),
    paid=st.integers(3, 97),
)
def test_whatever_the_book_a_buy_could_be_sold_at_once_for_half_and_was_near_the_middle(
    bids: list[tuple[int, int]], asks: list[tuple[int, int]], paid: int
) -> None:
    book = a_book(*(tuple((str(p / 100), str(n)) for p, n in side) for side in (bids, asks)))
    signal = a_signal(price=Price(paid * 10_000), usdc=D(paid))
    case = a_case(signal=signal, book=replace(book, at_ms=NOW_MS))

    decision = decide_signal(case)

    if decision.order is None or book.best_bid is None or book.best_ask is None:
        assert decision.order is None
        return
    both = book.best_bid + book.best_ask
    assert book.best_ask - book.best_bid <= D("0.1")
    assert signal.price * 2 <= max(both * 11 // 10, both + D("0.02"))
    back = sum(level.price * level.shares for level in book.bids)
    assert back * 2 >= (case.expected.usdc + case.expected.fee) * MICRO
