"""Triggers look twice: at the whole lot, over several looks and a stated time, and in the book they would sell to."""

from typing import Any

import pytest

from buyer.strategy.decision_context import ExitContext
from buyer.strategy.exit_policy import LotMarket, due_exit
from buyer.strategy.exits.lot_value import NO_LOOKS
from buyer.strategy.policy import decide_exit
from shared.domain.market import Book
from shared.messages.decisions import ExitReason, ExitTask
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_book, a_market, a_portfolio, some_limits
from tests.buyer.execution.exits.selling_desk import Selling
from tests.buyer.strategy.test_exit_policy import a_lot, bid, looked

pytestmark = pytest.mark.pitfall(40)
SPOOF = a_book(bids=(("0.7", "5"), ("0.3", "5000")), asks=(("0.99", "5"),))
THIN = a_book(bids=(("0.49", "5"), ("0.1", "5000")), asks=(("0.52", "5"),))
STOP = some_limits(stop_loss_pct=D(20))


@pytest.mark.parametrize(("looks", "over_s", "begins"), [(3, 5, True), (2, 5, False), (3, 4.9, False), (1, 0, False)])
def test_a_stop_must_hold_over_several_looks_and_a_stated_time(looks: int, over_s: float, begins: Any) -> None:
    holding = LotMarket(a_lot(), a_market(), bid("0.3"), NOW_MS)

    assert bool(due_exit(holding, STOP, flattening=False, seen=looked(holding, looks, over_s))) is begins


def test_one_look_between_two_others_begins_nothing() -> None:
    seen = NO_LOOKS
    for second, price in enumerate(("0.3", "0.3", "0.3", "0.3", "0.48", "0.3", "0.3")):
        look = LotMarket(a_lot(), a_market(), bid(price), NOW_MS).look(10, second * 1.5)
        assert look is not None
        seen = seen.after(look, 60)

    assert due_exit(LotMarket(a_lot(), a_market(), bid("0.3"), NOW_MS), STOP, flattening=False, seen=seen) is None


@pytest.mark.parametrize(
    ("book", "limits", "reason"),
    [
        (SPOOF, {"take_profit_pct": D(30)}, None),
        (a_book(bids=(("0.7", "5"),), asks=()), {"take_profit_pct": D(30)}, None),
        (a_book(bids=(("0.7", "100"),), asks=()), {"take_profit_pct": D(30)}, "take_profit"),
        (THIN, {"stop_loss_pct": D(20)}, "stop_loss"),
    ],
)
def test_a_trigger_judges_the_whole_lot(book: Book, limits: dict[str, Any], reason: str | None) -> None:
    holding = LotMarket(a_lot(), a_market(), book, NOW_MS)

    task = due_exit(holding, some_limits(**limits), flattening=False, seen=looked(holding))

    assert (task.reason if task else None) == reason


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("stop_loss", "trigger_holds"), ("leader_sold", "exit: leader_sold"), ("flatten", "exit: flatten")],
)
def test_an_attempt_is_withdrawn_whose_trigger_does_not_hold_in_its_book(reason: ExitReason, expected: str) -> None:
    task = ExitTask(
        id="x",
        leader=LEADER,
        token_id=TOKEN,
        reason=reason,
        keep=D(0),
        opened_at_ms=0,
        reference=D("0.4"),
        source="the value that stood",
    )
    held = a_portfolio(lot_shares=D(10), lot_cost=D(5), exit=task)

    verdict = decide_exit(ExitContext(a_market(), a_book(), held, STOP, NOW_MS, (), task))

    assert verdict.reason == expected


def test_bids_that_are_away_for_a_second_stop_nothing_out() -> None:
    desk = Selling(stop_loss_pct=D(20))
    for second in range(60):
        away = second % 10 == 9
        desk.prices.next_book = a_book(bids=(("0.01", "5000"),)) if away else a_book()
        desk.turn(1)

    assert (len(desk.venue.placed), desk.tasks) == (1, {})


def test_a_stop_whose_price_came_back_is_withdrawn_and_its_decision_says_so() -> None:
    desk = Selling(stop_loss_pct=D(10))
    for _ in range(30):
        desk.turn(2)
    desk.prices.next_book = a_book(bids=(("0.3", "100"),))
    for _ in range(8):
        desk.turn(1)
    assert len(desk.tasks) == 1

    desk.prices.next_book = a_book()
    desk.turn(6)

    assert (desk.tasks, desk.decisions()[-1].reason) == ({}, "trigger_holds")
    assert desk.exits.snapshot()["withdrawn"] == 1
    assert len(desk.venue.placed) == 1


def test_a_lot_that_looks_stopped_is_looked_at_each_second_however_many_there_are() -> None:
    desk = Selling(stop_loss_pct=D(20))
    desk.prices.next_book = a_book(bids=(("0.3", "100"),))
    for _ in range(7):
        desk.turn(1)

    assert len(desk.tasks) == 1
