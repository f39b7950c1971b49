"""A floor under every exit, which no book of a moment can move (pitfall 39)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.strategy.decision_context import ExitContext
from buyer.strategy.exits.exit_floor import COST, LEADER_SALE, STOOD, TYPED, basis_of, fee_floor, floor_price, lowered
from buyer.strategy.exits.lot_value import NO_LOOKS, Look, look_at
from buyer.strategy.policy import decide_exit, decide_signal
from shared.domain.market import Book
from shared.messages.decisions import ExitTask
from tests.amounts import D
from tests.buyer.builders import (
    LEADER,
    NOW_MS,
    TOKEN,
    a_book,
    a_case,
    a_market,
    a_portfolio,
    a_signal,
    levels,
    some_limits,
)

pytestmark = pytest.mark.pitfall(39)
HELD = {"lot_shares": D(100), "lot_cost": D(50)}
STUB = a_book(bids=(("0.01", "5000"),), asks=(("0.52", "1000"),))


def a_task(**changes: Any) -> ExitTask:
    values: dict[str, Any] = {"reference": D("0.5"), "source": STOOD, "opened_at_ms": NOW_MS, **changes}
    return ExitTask(id="x", leader=LEADER, token_id=TOKEN, reason="leader_sold", keep=D(0), **values)


def attempt(book: Book, task: ExitTask, **limits: Any) -> Any:
    portfolio = a_portfolio(exit=task, **HELD)
    return decide_exit(ExitContext(a_market(), book, portfolio, some_limits(**limits), NOW_MS, (), task))


@pytest.mark.parametrize(
    ("sold_at", "stood", "cost", "expected"),
    [
        ("0.5", "0.48", "0.4", ("0.5", LEADER_SALE)),
        ("0.01", "0.48", "0.5", ("0.48", STOOD)),
        ("0.01", "0", "0.5", ("0.5", COST)),
        ("0", "0.1", "0.5", ("0.1", STOOD)),
        ("0", "0", "0.5", ("0.5", COST)),
    ],
)
def test_a_floor_hangs_below_the_leaders_sale_or_what_stood_and_else_the_cost(
    sold_at: str, stood: str, cost: str, expected: tuple[str, str]
) -> None:
    assert basis_of(D(sold_at), D(stood), D(cost)) == (D(expected[0]), expected[1])


def test_a_stub_bid_sells_nothing_and_the_attempt_says_floor_source_and_value() -> None:
    verdict = attempt(STUB, a_task())

    rule = next(rule for rule in verdict.rules if rule.rule == "exit_floor")
    assert (verdict.verdict, verdict.reason) == ("SKIP", "exit_floor")
    assert rule.value == "0.01, the lot is worth 0.01 a share"
    assert rule.limit == "0.4 (20% below 0.5, the value that stood)"


def test_an_order_walks_no_book_below_the_floor() -> None:
    thin = a_book(bids=(("0.42", "10"), ("0.3", "10"), ("0.01", "1000")), asks=(("0.52", "1"),))

    verdict = attempt(thin, a_task(), exit_slippage_pct=D(90))

    assert verdict.order is not None
    assert verdict.order.limit_price == D("0.4")


def test_a_floor_comes_down_in_stated_steps_to_a_stated_end() -> None:
    task, limits, floors = a_task(), some_limits(), []
    for _ in range(9):
        floors.append(floor_price(task, limits))
        task = lowered(task, NOW_MS)

    assert floors == [D(each) for each in ("0.4", "0.35", "0.3", "0.25", "0.2", "0.15", "0.1", "0.1", "0.1")]


def test_a_typed_word_goes_below_the_floor() -> None:
    verdict = attempt(STUB, a_task(reference=D(0), source=TYPED))

    assert verdict.verdict == "SELL"


def test_an_exit_of_which_no_value_is_known_waits_for_one() -> None:
    verdict = attempt(a_book(), a_task(reference=D(0), source=""))

    assert verdict.reason == "exit_floor"
    assert [rule.limit for rule in verdict.rules if rule.rule == "exit_floor"] == ["no value is known yet"]


def test_floors_can_be_switched_off_and_then_stand_in_no_decision() -> None:
    verdict = attempt(STUB, a_task(), exit_floor_pct=D(100))

    assert verdict.verdict == "SELL"
    assert "exit_floor" not in {rule.rule for rule in verdict.rules}


def test_a_leader_who_sells_to_himself_at_a_penny_does_not_sell_our_lot_there() -> None:
    bait = a_signal(side="SELL", price=D("0.01"), usdc=D(1))
    held = a_portfolio(stood=D("0.48"), **HELD)

    verdict = decide_signal(a_case(signal=bait, book=STUB, portfolio=held))

    assert (verdict.verdict, verdict.reason) == ("SKIP", "exit_floor")
    assert verdict.exit is not None
    assert (verdict.exit.reference, verdict.exit.source) == (D("0.48"), STOOD)


def test_a_gain_that_stood_is_defended_although_the_leader_sold_at_our_cost() -> None:
    held = a_portfolio(stood=D("0.8"), lot_shares=D(100), lot_cost=D(20))
    bait = a_signal(side="SELL", price=D("0.2"), usdc=D(20))

    verdict = decide_signal(a_case(signal=bait, book=a_book(bids=(("0.2", "1000"),)), portfolio=held))

    assert verdict.reason == "exit_floor"


def test_a_limit_is_never_so_low_that_the_exchange_would_refuse_its_fee() -> None:
    """At a rate of 7% a sale at 0.20 costs 0.0112 a share, so the limit's tenth must cover it: 0.112."""
    assert fee_floor(D("0.2"), a_market(fee_rate=D("0.07")), 1000) == D("0.112")
    assert fee_floor(D("0.2"), a_market(fee_rate=D("0.07")), 500) == D("0.2")
    cheap = a_book(bids=(("0.2", "1000"),), asks=(("0.3", "1"),))

    verdict = attempt(cheap, a_task(reference=D(0), source=TYPED), exit_slippage_pct=D(90))

    assert verdict.order is not None
    assert verdict.order.limit_price == D("0.08")


def _book_of(bids: list[tuple[int, int]]) -> Book:
    return Book.of(TOKEN, NOW_MS, levels(*((f"0.{cents:02d}", str(shares)) for cents, shares in bids)), [])


BOOKS = st.lists(st.tuples(st.integers(1, 98), st.integers(1, 500)), max_size=6).map(_book_of)


@given(
    books=st.lists(st.tuples(BOOKS, st.booleans()), max_size=12),
    reference=st.integers(1, 99),
    slippage=st.integers(0, 99),
    floor=st.integers(0, 99),
    end=st.integers(0, 99),
)
def test_no_sequence_of_books_makes_an_exit_sell_below_its_floor(
    books: list[tuple[Book, bool]], reference: int, slippage: int, floor: int, end: int
) -> None:
    task = a_task(reference=D(reference) // 100)
    pcts = {"exit_floor_pct": D(floor), "exit_floor_end_pct": D(end), "exit_slippage_pct": D(slippage)}
    limits = some_limits(**pcts)
    least = D(reference) // 100 * (100 - max(floor, end)) // 100

    for book, step in books:
        task = lowered(task, NOW_MS) if step else task
        verdict = attempt(book, task, **pcts)
        if verdict.order is not None:
            assert verdict.order.limit_price >= floor_price(task, limits) >= least


def test_a_dip_of_a_few_seconds_does_not_move_the_value_that_stood() -> None:
    history = NO_LOOKS
    for second in range(40):
        worth = D("0.01") if 30 <= second < 38 else D("0.48")
        history = history.after(Look(second, worth, worth), 120)

    assert history.stood(30) == D("0.48")


def test_what_stood_for_most_of_the_time_is_the_value_also_when_it_fell() -> None:
    history = NO_LOOKS
    for second in range(60):
        worth = D("0.48") if second < 30 else D("0.2")
        history = history.after(Look(second, worth, worth), 120)

    assert history.stood(30) == D("0.2")


def test_a_history_too_short_tells_nothing() -> None:
    history = NO_LOOKS.after(Look(0, D("0.01"), D("0.01")), 120).after(Look(9, D("0.01"), D("0.01")), 120)

    assert history.stood(30) == 0


def test_a_lot_is_worth_what_all_its_bids_pay_and_a_spoof_bid_pays_little() -> None:
    book = a_book(bids=(("0.7", "5"), ("0.3", "5000")), asks=(("0.99", "5"),))

    look = look_at(book, D(100), a_market(), 1.0)

    assert look == Look(1.0, D("0.32"), D("0.32"))
    alone = look_at(replace(book, bids=book.bids[:1]), D(100), a_market(), 1.0)
    assert alone == Look(1.0, D("0.7"), D("0.035"))
