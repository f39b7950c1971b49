"""A live order is provisional until its trades are final; then the ledger holds what confirmed, once."""

import threading
from collections import Counter

import pytest
from msgspec.structs import replace

from buyer.execution.order_precedence import NotSettled
from buyer.settlement.worker import OVERDUE_S
from buyer.settlement.writer import SettlementWriter
from shared.domain.errors import RefusedForSafety
from shared.domain.exit_codes import CRASH, exit_code
from shared.ledger.port import open_lots
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, a_book, a_signal, some_limits
from tests.buyer.settlement.exchange import Exchange
from tests.buyer.settlement.live_desk import CASH, LiveDesk


@pytest.mark.pitfall(20)
def test_a_matched_order_holds_its_whole_budget_until_it_is_confirmed() -> None:
    desk = LiveDesk()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.order is not None
    reserved = decision.order.budget
    assert desk.ledger.values["cash"] == CASH - reserved
    assert open_lots(desk.ledger) == []

    desk.settle()

    (lot,) = open_lots(desk.ledger)
    assert (lot.leader, lot.shares, lot.cost) == (LEADER, 9_610_000, 4_997_207)
    assert desk.ledger.values["cash"] == CASH - 4_997_207
    assert desk.ledger.values["fees"] == 7
    assert desk.states() == ["INTENT", "MATCHED", "CONFIRMED"]
    assert desk.at_rest()


def test_orders_that_end_together_are_settled_together_each_once() -> None:
    desk = LiveDesk()
    for number in range(5):
        desk.engine.process_actionable(a_signal(tx_hash=f"0x{number:064x}"))

    desk.settle()
    desk.settle()

    assert Counter(desk.states()) == {"INTENT": 5, "MATCHED": 5, "CONFIRMED": 5}
    assert desk.at_rest()


@pytest.mark.parametrize("part", ["trade", "receipt"])
def test_an_order_that_cannot_be_read_keeps_no_other_waiting(part: str) -> None:
    desk = LiveDesk()
    for number in range(3):
        desk.engine.process_actionable(a_signal(tx_hash=f"0x{number:064x}"))
    desk.exchange.poison[part] = list(desk.exchange.taken)[1]

    desk.settle()

    assert Counter(desk.states())["CONFIRMED"] == 2
    desk.exchange.poison.clear()
    desk.look()
    assert desk.at_rest()


@pytest.mark.pitfall(29)
def test_whatever_ends_the_following_of_orders_ends_the_buyer() -> None:
    desk = LiveDesk(exchange=Exchange(crash="an answer nobody thought of"))
    desk.engine.process_actionable(a_signal())

    desk.settlement.run(threading.Event())

    failure = desk.settlement.failure
    assert failure is not None
    assert "not followed any more: RuntimeError: an answer nobody thought of" in str(failure)
    assert exit_code(failure) == CRASH


@pytest.mark.pitfall(20)
def test_a_ghost_fill_gives_the_budget_back_and_is_not_bought_again() -> None:
    desk = LiveDesk()
    desk.engine.process_actionable(a_signal())

    desk.settle("FAILED")
    desk.restart()
    desk.recover()
    desk.engine.process_actionable(a_signal())

    assert desk.money() == {"cash": CASH, "deposited": CASH}
    assert open_lots(desk.ledger) == []
    assert len(desk.exchange.posts) == 1
    assert desk.states()[-1] == "FAILED"


@pytest.mark.pitfall(22)
def test_a_sell_waits_for_the_buy_that_is_on_its_way_and_then_sells_it() -> None:
    desk = LiveDesk()
    desk.engine.process_actionable(a_signal())
    sell = a_signal(side="SELL", price=D("0.5"), tx_hash="0x" + "9a" * 32)
    desk.prices.next_book = a_book(bids=(("0.5", "100"),), asks=(("0.51", "100"),))

    with pytest.raises(NotSettled):
        desk.engine.process_actionable(sell)
    desk.settle()
    desk.engine.process_actionable(sell)
    desk.settle()

    assert open_lots(desk.ledger) == []
    assert desk.ledger.values.get(f"market:{CONDITION}", 0) == 0
    assert desk.ledger.values["realized"] == desk.ledger.values["cash"] - CASH


@pytest.mark.pitfall(44)
@pytest.mark.parametrize("state", ["DELAYED", "LIVE", "MATCHED"])
def test_an_order_that_may_still_fill_is_a_stake_already(state: str) -> None:
    desk = LiveDesk(exchange=Exchange(state=state), limits=some_limits(stake_window_s=60))

    first, second = (desk.engine.process_actionable(a_signal(tx_hash=f"0x{piece:064x}")) for piece in range(2))

    assert first is not None
    assert second is not None
    assert (first.verdict, second.verdict, second.reason) == ("BUY", "SKIP", "stake_window")


@pytest.mark.pitfall(44)
def test_an_order_that_was_refused_is_no_stake() -> None:
    desk = LiveDesk(exchange=Exchange(state="REJECTED"), limits=some_limits(stake_window_s=60))

    desk.engine.process_actionable(a_signal())
    second = desk.engine.process_actionable(a_signal(tx_hash="0x" + "2" * 64))

    assert second is not None
    assert second.verdict == "BUY"


def test_an_answer_that_names_no_trades_is_looked_up() -> None:
    desk = LiveDesk(exchange=Exchange(state="DELAYED"))
    desk.engine.process_actionable(a_signal())
    desk.exchange.trades = dict.fromkeys(desk.exchange.trades, "CONFIRMED")

    desk.look()
    desk.clock.advance(OVERDUE_S)
    desk.look()

    assert [lot.shares for lot in open_lots(desk.ledger)] == [9_610_000]


def test_what_cannot_follow_is_refused() -> None:
    desk = LiveDesk()
    decision = desk.engine.process_actionable(a_signal())
    assert decision is not None
    assert decision.outcome is not None
    wrong = replace(decision.outcome, state="REJECTED")

    with pytest.raises(RefusedForSafety, match="REJECTED cannot follow MATCHED"):
        SettlementWriter(desk.ledger, lambda: None).settle(decision, wrong)
