"""One signal's way through the engine: intent first, order, then everything else in one step; twice changes nothing."""

import pytest
from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope, scope_of
from buyer.execution.journal import Journal, SignalStatus
from shared.domain import ledger_accounts
from shared.domain.errors import Fenced, RefusedForSafety
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import MarketFacts
from shared.domain.money import proceeds_micro
from shared.ledger import port
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import DEAD, DECISIONS
from shared.messages.decisions import Order, OrderUpdate, Outcome, Portfolio
from shared.messages.service import DeadLetter
from shared.messages.trades import trades_stream
from shared.redis.streams import StreamEntry
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market, a_signal
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakeVenue


def test_a_buy_moves_cash_into_a_lot_and_publishes_its_decision() -> None:
    desk = Desk()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, decision.outcome is not None) == ("BUY", True)
    (lot,) = open_lots(desk.ledger)
    assert (lot.leader, lot.token_id, lot.condition_id) == (LEADER, TOKEN, CONDITION)
    assert (lot.shares, lot.cost) == (9_610_000, 4_997_200)
    assert desk.ledger.values["cash"] == 1_000_000_000 - 4_997_200
    assert desk.ledger.values[f"market:{CONDITION}"] == 4_997_200
    states = [event.state for _, event in desk.ledger.events if isinstance(event, OrderUpdate)]
    assert states == ["INTENT", "MATCHED"]
    assert desk.told == desk.decisions() == [decision]


def test_the_intent_is_written_before_the_order_is_placed() -> None:
    desk = Desk()
    seen: list[int] = []
    desk.venue.before = lambda _: seen.append(len(desk.journal.open_intents()))

    desk.engine.process_actionable(a_signal())

    assert seen == [1]
    assert desk.journal.open_intents() == {}


def test_the_same_signal_again_is_not_decided_again() -> None:
    desk = Desk()
    desk.engine.process_actionable(a_signal())

    assert desk.engine.process_actionable(a_signal()) is None
    desk.restart()
    assert desk.engine.process_actionable(a_signal()) is None

    assert len(desk.venue.placed) == 1
    assert len(desk.decisions()) == 1


@pytest.mark.pitfall(24)
def test_the_kill_switch_is_asked_in_the_very_step_of_the_intent() -> None:
    desk = Desk()
    journal = desk.journal

    class Late(Journal):
        def status_and_balances(
            self, signal_id: str, scope: LedgerScope, *, ask: bool = True
        ) -> tuple[SignalStatus, Portfolio]:
            """Let the switch go on right after it was read."""
            seen = journal.status_and_balances(signal_id, scope, ask=ask)
            desk.ledger.commit(LedgerWrite(id="halt", postings=((ledger_accounts.HALT, 1),)))
            return seen

    desk.restart(Late(desk.ledger, lambda: None))
    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "ledger")
    assert decision.rules[-1].value == "halt=1"
    assert desk.venue.placed == []


@pytest.mark.pitfall(21)
def test_a_buyer_that_lost_its_lease_places_no_order() -> None:
    desk = Desk()
    desk.ledger.fence_token = "2"

    with pytest.raises(Fenced):
        desk.engine.process_actionable(a_signal())

    assert desk.venue.placed == []


@pytest.mark.pitfall(22)
def test_a_sell_sells_no_more_than_our_lot_and_realizes_its_result() -> None:
    desk = Desk()
    desk.engine.process_actionable(a_signal())
    desk.prices.next_book = a_book(bids=(("0.6", "100"),), asks=(("0.61", "100"),))

    sell = a_signal(side="SELL", shares=D(1000), usdc=D(600), price=D("0.6"), tx_hash="0x" + "9a" * 32)
    decision = desk.engine.process_actionable(sell)

    assert decision is not None
    assert decision.order is not None
    assert decision.order.shares == D("9.61")
    assert open_lots(desk.ledger) == []
    proceeds = proceeds_micro(D("9.61"), decision.order.limit_price)
    assert desk.ledger.values["realized"] == proceeds - 4_997_200
    assert desk.ledger.values["cash"] == 1_000_000_000 - 4_997_200 + proceeds
    assert f"market:{CONDITION}" not in desk.ledger.values


@pytest.mark.pitfall(31)
def test_a_poison_entry_gets_a_terminal_decision_and_a_dead_letter() -> None:
    desk = Desk()

    desk.engine.bury(StreamEntry("hs:signals", "5-0", {"json": "{"}), "not an event")
    desk.engine.bury(StreamEntry("hs:signals", "5-0", {"json": "{"}), "not an event")

    letters = [event for stream, event in desk.ledger.events if stream == DEAD]
    assert len(letters) == 1
    assert isinstance(letters[0], DeadLetter)
    (decision,) = desk.decisions()
    assert decision.reason == "dead letter: not an event"


def test_what_could_not_be_found_out_is_in_the_decision_and_buys_nothing() -> None:
    desk = Desk()
    desk.prices.next_book = None

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.verdict == "SKIP"
    assert decision.reason == "inputs_known"
    assert decision.inputs.problems == (f"book: no book of {TOKEN}",)


def test_the_decision_holds_what_is_needed_to_make_it_again() -> None:
    desk = Desk()
    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.inputs.market == a_market()
    assert decision.inputs.book == a_book()
    assert decision.inputs.portfolio is not None
    assert decision.inputs.config_id == desk.limits.id


def test_an_entry_is_settled_in_the_step_of_its_decision() -> None:
    desk = Desk()
    desk.engine.process_actionable(a_signal())

    streams = [stream for stream, _ in desk.ledger.events]

    assert streams == [DECISIONS, DECISIONS, DECISIONS, trades_stream("paper")]


def test_a_scope_names_the_day_of_the_decision() -> None:
    scope = scope_of(LEADER, TOKEN, a_market(), NOW_MS)

    assert scope.names.day == "day:20260921"


def test_the_bankroll_is_deposited_once_even_when_its_write_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port, "MOST_WRITES", 3)
    desk = Desk(ledger=MemoryLedger())
    desk.journal.deposit(5_000_000)
    for number in range(4):
        desk.ledger.commit(LedgerWrite(id=f"w{number}"))

    desk.journal.deposit(5_000_000)
    desk.journal.deposit(9_000_000)

    assert desk.ledger.values == {"cash": 5_000_000, "deposited": 5_000_000}


def test_an_outcome_that_the_ledger_cannot_hold_stops_everything_and_changes_nothing() -> None:
    desk = Desk()
    desk.engine.process_actionable(a_signal())
    before = dict(desk.ledger.values)

    class Overselling(FakeVenue):
        def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
            return replace(super().place(order, facts, prepared), shares=order.shares * 2)

    desk.venue = Overselling()
    desk.restart()
    desk.prices.next_book = a_book(bids=(("0.6", "100"),), asks=(("0.61", "100"),))

    with pytest.raises(RefusedForSafety, match="shares:"):
        desk.engine.process_actionable(a_signal(side="SELL", price=D("0.6"), tx_hash="0x" + "9a" * 32))

    assert len(desk.journal.open_intents()) == 1
    assert desk.ledger.values == {name: value for name, value in before.items() if not name.startswith("shares:")}
