"""An exit that nobody pays the floor for waits, says so, and lowers its floor in steps; restarts change nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.strategy.exits.exit_floor import floor_price
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.money import Price
from shared.domain.record_kinds import EXITS
from shared.domain.trading_controls import ANY, CONTROLS, PRICE, turn_control
from shared.messages.decisions import ExitTask
from shared.messages.value_codec import codec_of
from tests.amounts import D
from tests.buyer.builders import a_book, a_signal
from tests.buyer.execution.exits.selling_desk import KEY, Selling

pytestmark = pytest.mark.pitfall(39)
GOOD = a_book()
STUB = a_book(bids=(("0.01", "5000"),), asks=(("0.52", "1000"),))


def a_selling_desk(**limits: Any) -> Selling:
    """Build a desk that watched its lot for a minute, and whose leader sold while the bids were away."""
    desk = Selling(**limits)
    for _ in range(30):
        desk.turn(2)
    desk.clock.advance(1)
    now_ms = desk.clock.now_ms()
    desk.prices.next_book = replace(STUB, at_ms=now_ms)
    desk.engine.process_actionable(
        a_signal(side="SELL", tx_hash="0x" + "9a" * 32, price=D("0.49"), usdc=D(49), traded_at_ms=now_ms)
    )
    return desk


def task_of(desk: Selling) -> ExitTask:
    return codec_of(ExitTask).read(desk.ledger.records(EXITS)[KEY])


def test_bids_that_are_away_for_a_moment_cost_nothing() -> None:
    desk = a_selling_desk()
    desk.turn(2)
    assert (len(desk.venue.placed), desk.decisions()[-1].reason) == (1, "exit_floor")

    desk.prices.next_book = GOOD
    desk.turn(6)

    assert desk.venue.placed[-1].limit_price >= D("0.44")
    assert (desk.shares, desk.tasks) == (0, {})


def test_the_floor_comes_down_by_waiting_and_the_stub_is_never_sold_into() -> None:
    desk = a_selling_desk()
    for _ in range(600):
        desk.turn(1)

    task = task_of(desk)
    assert (task.lowered, floor_price(task, desk.limits)) == (6, D("0.098"))
    assert len(desk.venue.placed) == 1
    said = [decision for decision in desk.decisions() if decision.reason == "exit_floor"]
    assert len(said) == 8  # the signal's own, the first attempt's, and one for each step
    assert desk.exits.snapshot()["at_floor"] == 1

    desk.prices.next_book = a_book(bids=(("0.12", "1000"),), asks=(("0.52", "1000"),))
    desk.turn(6)

    assert desk.shares == 0


def test_a_stop_of_an_hour_lowers_a_floor_by_one_step_at_most() -> None:
    desk = a_selling_desk()
    for _ in range(10):
        desk.turn(1)
    desk.clock.advance(3600)
    desk.restart()
    for _ in range(10):
        desk.turn(1)

    assert task_of(desk).lowered == 1


def test_restarts_again_and_again_still_let_it_come_down() -> None:
    desk = a_selling_desk()
    for _ in range(20):
        desk.restart()
        for _ in range(10):
            desk.turn(1)

    assert task_of(desk).lowered >= 4


def test_flatten_by_the_typed_word_sells_what_waits_and_without_it_does_not() -> None:
    desk = a_selling_desk()
    flatten = ledger_accounts.FLATTEN
    desk.ledger.commit(turn_control("flat", on=True, who="me", why="leaving", now_ms=0, control=flatten))
    desk.turn(6)
    assert desk.shares > 0

    word = f'{{"{PRICE}": "{ANY}"}}'
    desk.ledger.commit(LedgerWrite(id="word", records=(LedgerRecord(CONTROLS, ledger_accounts.FLATTEN, word),)))
    desk.turn(6)

    assert desk.shares == 0
    assert desk.venue.placed[-1].limit_price == D("0.01")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from(["stub", "good", "none", "half", "restart"]), st.integers(1, 90)),
        max_size=40,
    )
)
def test_no_sequence_of_books_and_restarts_sells_below_the_floor(steps: list[tuple[int, str, int]]) -> None:
    desk = a_selling_desk()
    end = Price(D("0.49") * 20 // 100)

    for cents, what, seconds in steps:
        if what == "restart":
            desk.restart()
        bids = {"stub": (("0.01", "5000"),), "half": ((f"0.{cents:02d}", "3"), ("0.01", "5000")), "none": ()}
        book = a_book(bids=bids.get(what, (("0.49", "100"),)), asks=(("0.99", "1"),))
        desk.prices.next_book = book
        before = len(desk.venue.placed)
        for _ in range(min(seconds, 20)):
            desk.turn(3)
        for order in desk.venue.placed[before:]:
            assert order.limit_price >= end
