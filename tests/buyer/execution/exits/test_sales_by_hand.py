"""The buyer sells a lot that a person named, at the floor that was typed; an unfollowed leader's buys are skipped."""

import json

import pytest

from shared.domain.ledger_accounts import sells_only_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import SALES
from tests.amounts import D
from tests.buyer.builders import LEADER, a_book, a_signal
from tests.buyer.execution.exits.selling_desk import KEY, Selling


def wish(desk: Selling, floor: int | None) -> None:
    note = json.dumps({"floor": floor, "who": "me", "why": "done", "at_ms": desk.clock.now_ms()})
    desk.ledger.commit(LedgerWrite(id=f"wish:{floor}", records=(LedgerRecord(SALES, KEY, note),)))


def test_a_lot_is_sold_by_hand_above_its_floor() -> None:
    desk = Selling()
    wish(desk, None)

    desk.turn()
    desk.turn()

    assert desk.decisions()[-1].reason == "exit: by_hand"
    assert (desk.shares, desk.tasks, desk.ledger.records(SALES)) == (0, {}, {})


@pytest.mark.pitfall(39)
@pytest.mark.parametrize(("floor", "sold"), [(None, False), (D("0.2"), False), (D("0.05"), True), (D("0"), True)])
def test_a_typed_floor_goes_lower_and_no_further(floor: int | None, sold: object) -> None:
    desk = Selling()
    desk.prices.next_book = a_book(bids=(("0.06", "1000"),), asks=(("0.5", "1"),))
    wish(desk, floor)

    for _ in range(3):
        desk.turn(3)

    assert (desk.shares == 0) is sold
    if sold:
        assert desk.venue.placed[-1].limit_price >= (floor or 0)


def test_buys_of_an_unfollowed_leader_are_skipped_and_his_sells_followed() -> None:
    desk = Selling()
    desk.ledger.commit(LedgerWrite(id="off", postings=((sells_only_account(LEADER), 1),)))

    again = desk.engine.process_actionable(a_signal(tx_hash="0x" + "2" * 64))
    sold = desk.engine.process_actionable(a_signal(side="SELL", tx_hash="0x" + "3" * 64))

    assert again is not None
    assert sold is not None
    assert (again.verdict, again.reason, sold.verdict) == ("SKIP", "not_paused", "SELL")
    assert next(rule.value for rule in again.rules if rule.rule == "not_paused") == "unfollowed"
