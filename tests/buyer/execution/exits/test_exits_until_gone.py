"""An exit is carried out: over restarts, controls and crashes, until its lot is gone."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain import ledger_accounts
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_write import LedgerWrite
from shared.domain.money import cost_micro
from shared.ledger.port import open_lots
from tests.amounts import D
from tests.buyer.builders import (
    LEADER,
    NOW_MS,
    a_book,
    a_signal,
)
from tests.buyer.execution.exits.selling_desk import KEY, Selling


def a_sell(**changes: Any) -> Any:
    return a_signal(**{"side": "SELL", "tx_hash": "0x" + "9a" * 32, **changes})


@pytest.mark.pitfall(22)
def test_a_sell_too_late_for_its_signal_is_carried_out_as_an_exit() -> None:
    desk = Selling()
    late = a_sell(traded_at_ms=NOW_MS - 100_000)

    decision = desk.engine.process_actionable(late)
    desk.turn()

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "signal_fresh")
    assert desk.decisions()[-1].reason == "exit: leader_sold"
    assert (desk.shares, desk.tasks, open_lots(desk.ledger)) == (0, {}, [])


@pytest.mark.pitfall(23)
def test_an_exit_goes_on_over_restarts_until_the_lot_is_gone() -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=())
    desk.engine.process_actionable(a_sell())
    for _ in range(3):
        desk.restart()
        desk.turn()
    assert json.loads(desk.tasks[KEY])["attempt"] == 3
    assert len(desk.decisions()) == 2

    desk.prices.next_book = a_book()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.turn()
    desk.restart()
    (intent,) = desk.journal.open_intents().values()
    desk.engine.resume(intent)

    first, second = desk.venue.placed[-2:]
    assert first == second
    assert (desk.shares, desk.tasks) == (0, {})
    desk.turn()
    assert len(desk.venue.placed) == 3


@pytest.mark.pitfall(23)
def test_what_an_order_left_is_sold_by_the_next_one() -> None:
    desk = Selling()
    whole = desk.venue.place

    def part(order: Any, facts: Any, prepared: str) -> Any:
        outcome = whole(order, facts, prepared)
        return replace(outcome, shares=D(2), usdc=cost_micro(D(2), order.limit_price))

    desk.venue.place = part  # type: ignore[method-assign]  # a partial fill
    desk.engine.process_actionable(a_sell())
    assert desk.shares == 7_610_000
    desk.venue.place = whole  # type: ignore[method-assign]  # as before
    desk.turn()

    assert (desk.shares, desk.tasks) == (0, {})
    names = [order.id for order in desk.venue.placed]
    assert len(set(names)) == len(names)


@pytest.mark.pitfall(22)
def test_what_is_too_little_to_sell_ends_its_exit_with_a_decision_that_says_so() -> None:
    desk = Selling()
    whole = desk.venue.place
    desk.venue.place = lambda order, facts, prepared: replace(  # type: ignore[method-assign]  # six of the shares
        whole(order, facts, prepared), shares=D(6), usdc=cost_micro(D(6), order.limit_price)
    )
    desk.engine.process_actionable(a_sell())
    desk.turn()

    last = desk.decisions()[-1]
    assert (last.verdict, last.reason) == ("SKIP", "minimum_size")
    assert last.exit is not None
    assert (desk.shares, desk.tasks) == (3_610_000, {})
    assert desk.exits.snapshot()["dust"] == 1


def test_a_stop_loss_sells_the_lot_and_books_the_loss_to_day_and_leader() -> None:
    desk = Selling(stop_loss_pct=D(20))
    desk.prices.next_book = a_book(bids=(("0.4", "100"),))

    for _ in range(4):
        desk.turn()

    assert desk.decisions()[-1].reason == "exit: stop_loss"
    lost = desk.ledger.values["realized"]
    assert lost < 0
    assert desk.ledger.values[ledger_accounts.pnl_account(desk.clock.now_ms())] == lost
    assert desk.ledger.values[ledger_accounts.realized_account(LEADER)] == lost
    assert not [name for name in desk.ledger.values if name.startswith(("market:", "event:", "leader:", "total"))]


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("control", [ledger_accounts.HALT, ledger_accounts.PAUSE_ALL])
def test_a_control_holds_an_exit_back_and_it_goes_on_afterwards(control: str) -> None:
    desk = Selling()
    desk.ledger.commit(LedgerWrite(id="flat", postings=((ledger_accounts.FLATTEN, 1), (control, 1))))
    desk.turn()
    desk.turn()
    assert desk.shares > 0
    assert len(desk.tasks) == 1

    desk.ledger.commit(LedgerWrite(id="on", postings=((control, -1),)))
    desk.restart()
    desk.turn()

    assert (desk.shares, desk.tasks) == (0, {})


def test_a_small_part_waits_until_the_leader_has_sold_enough() -> None:
    desk = Selling(mirror_sells="proportional", max_signal_age_s=3600)

    desk.engine.process_actionable(a_sell(shares=D(20)))
    desk.turn()
    assert desk.shares == 9_610_000
    again = a_sell(shares=D(40), tx_hash="0x" + "9b" * 32)
    desk.engine.process_actionable(again)
    desk.turn()

    assert desk.shares == pytest.approx(9_610_000 * 0.4, abs=10_000)


def test_an_exit_that_crashes_is_finished_by_recovery_and_not_swallowed() -> None:
    desk = Selling()
    desk.ledger.commit(LedgerWrite(id="flat", postings=((ledger_accounts.FLATTEN, 1),)))
    desk.turn()

    def crash(order: Any, facts: Any, prepared: str) -> Any:
        del order, facts, prepared
        raise RuntimeError("a bug")

    desk.venue.place = crash  # type: ignore[method-assign]  # a bug in the venue
    with pytest.raises(OutcomeUnknown, match="a bug"):
        desk.turn()

    assert len(desk.journal.open_intents()) == 1


def test_a_restart_forgets_small_trades_of_long_ago_and_keeps_recent_ones() -> None:
    desk = Selling(gather_window_s=600, min_leader_usdc=D(1000))
    desk.engine.process_actionable(a_signal(tx_hash="0x" + "11" * 32))
    assert len(desk.ledger.records("gathered")) == 1

    desk.turn()
    assert len(desk.ledger.records("gathered")) == 1
    desk.turn(3 * 86_400)

    assert desk.ledger.records("gathered") == {}
