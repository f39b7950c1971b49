"""One signal's way through the engine: intent first, order, then everything else in one step; twice changes nothing."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buyer.engine import Engine, Identity
from buyer.journal import Journal
from buyer.limits import Limits
from buyer.portfolio import scope_of
from shared import accounts, ledger
from shared.clock import ManualClock
from shared.errors import Fenced, OutcomeUnknown, RefusedForSafety
from shared.events import DEAD, DECISIONS, BuyEngineDecision, DeadLetter, Order, OrderUpdate, Outcome
from shared.ledger import MemoryLedger, open_lots
from shared.market import MarketFacts, Side
from shared.money import to_micro
from shared.streams import Entry
from shared.writes import Fence, Write
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market, a_signal, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue

D = Decimal


@dataclass
class Desk:
    """An engine with all its parts in reach."""

    limits: Limits = field(default_factory=some_limits)
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({"cash": 1_000_000_000}))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    prices: FakePrices = field(default_factory=FakePrices)
    venue: FakeVenue = field(default_factory=FakeVenue)
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Build the engine again, as after a crash: only the ledger lives on."""
        self.journal = Journal(self.ledger, lambda: Fence("lease", "1"))
        self.engine = Engine(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=self.limits,
            identity=Identity("paper", self.limits.id, "test"),
            emit=self.told.append,
        )

    def decisions(self) -> list[BuyEngineDecision]:
        """Return what is on the decisions stream."""
        return [event for _, event in self.ledger.events if isinstance(event, BuyEngineDecision)]


def test_a_buy_moves_cash_into_a_lot_and_publishes_its_decision() -> None:
    desk = Desk()

    decision = desk.engine.handle(a_signal())

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

    desk.engine.handle(a_signal())

    assert seen == [1]
    assert desk.journal.open_intents() == {}


def test_the_same_signal_again_is_not_decided_again() -> None:
    desk = Desk()
    desk.engine.handle(a_signal())

    assert desk.engine.handle(a_signal()) is None
    desk.restart()
    assert desk.engine.handle(a_signal()) is None

    assert len(desk.venue.placed) == 1
    assert len(desk.decisions()) == 1


def test_trap_20_an_unknown_outcome_places_the_same_order_again_and_no_other() -> None:
    desk = Desk()
    desk.venue.unknown = 1

    with pytest.raises(OutcomeUnknown):
        desk.engine.handle(a_signal())
    desk.restart()
    desk.engine.handle(a_signal())

    first, second = desk.venue.placed
    assert first == second
    assert len(desk.decisions()) == 1
    assert open_lots(desk.ledger)[0].shares == to_micro(first.shares)


def test_trap_19_an_open_intent_counts_against_the_caps() -> None:
    desk = Desk(limits=some_limits(max_market_usdc=D(6)))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.handle(a_signal())

    other = desk.engine.handle(a_signal(tx_hash="0x" + "8f" * 32))

    assert other is not None
    assert other.reason == "market_cap"


def test_trap_24_the_kill_switch_is_asked_in_the_very_step_of_the_intent() -> None:
    desk = Desk()
    journal = desk.journal

    class Late(Journal):
        def portfolio(self, scope: object) -> object:  # type: ignore[override]  # the switch goes on right after it was read
            seen = journal.portfolio(scope)  # type: ignore[arg-type]  # passed through
            desk.ledger.commit(Write(id="halt", postings=((accounts.HALT, 1),)))
            return seen

    desk.engine._journal = Late(desk.ledger, lambda: None)
    decision = desk.engine.handle(a_signal())

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "ledger")
    assert decision.rules[-1].value == "halt=1"
    assert desk.venue.placed == []


def test_trap_24_an_intent_left_by_a_crash_is_cancelled_when_the_kill_switch_is_on() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.handle(a_signal())
    desk.ledger.commit(Write(id="halt", postings=((accounts.HALT, 1),)))
    desk.restart()

    decision = desk.engine.handle(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert len(desk.venue.placed) == 1
    assert desk.ledger.values["cash"] == 1_000_000_000


def test_trap_22_an_intent_from_before_a_long_downtime_is_not_carried_out() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.handle(a_signal())
    desk.restart()
    desk.clock.advance(3600)

    decision = desk.engine.handle(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.reason == "stale when the buyer came back"
    assert f"market:{CONDITION}" not in desk.ledger.values


def test_trap_21_a_buyer_that_lost_its_lease_places_no_order() -> None:
    desk = Desk()
    desk.ledger.fence_token = "2"

    with pytest.raises(Fenced):
        desk.engine.handle(a_signal())

    assert desk.venue.placed == []


def test_trap_22_a_sell_sells_no_more_than_our_lot_and_realizes_its_result() -> None:
    desk = Desk()
    desk.engine.handle(a_signal())
    desk.prices.next_book = a_book(bids=(("0.6", "100"),), asks=(("0.61", "100"),))

    sell = a_signal(side="SELL", shares=D(1000), usdc=D(600), price=D("0.6"), tx_hash="0x" + "9a" * 32)
    decision = desk.engine.handle(sell)

    assert decision is not None
    assert decision.order is not None
    assert decision.order.shares == D("9.61")
    assert open_lots(desk.ledger) == []
    proceeds = to_micro(D("9.61") * decision.order.limit_price)
    assert desk.ledger.values["realized"] == proceeds - 4_997_200
    assert desk.ledger.values["cash"] == 1_000_000_000 - 4_997_200 + proceeds
    assert f"market:{CONDITION}" not in desk.ledger.values


def test_trap_31_a_poison_entry_gets_a_terminal_decision_and_a_dead_letter() -> None:
    desk = Desk()

    desk.engine.bury(Entry("hs:signals", "5-0", {"json": "{"}), "not an event")
    desk.engine.bury(Entry("hs:signals", "5-0", {"json": "{"}), "not an event")

    letters = [event for stream, event in desk.ledger.events if stream == DEAD]
    assert len(letters) == 1
    assert isinstance(letters[0], DeadLetter)
    (decision,) = desk.decisions()
    assert decision.reason == "dead letter: not an event"


def test_what_could_not_be_found_out_is_in_the_decision_and_buys_nothing() -> None:
    desk = Desk()
    desk.prices.next_book = None

    decision = desk.engine.handle(a_signal())

    assert decision is not None
    assert decision.verdict == "SKIP"
    assert decision.reason == "inputs_known"
    assert decision.inputs.problems == (f"book: no book of {TOKEN}",)


def test_the_decision_holds_what_is_needed_to_make_it_again() -> None:
    desk = Desk()
    decision = desk.engine.handle(a_signal())

    assert decision is not None
    assert decision.inputs.market == a_market()
    assert decision.inputs.book == a_book()
    assert decision.inputs.portfolio is not None
    assert decision.inputs.config_id == desk.limits.id


def test_an_entry_is_settled_in_the_step_of_its_decision() -> None:
    desk = Desk()
    desk.engine.handle(a_signal())

    streams = [stream for stream, _ in desk.ledger.events]

    assert streams == [DECISIONS, DECISIONS, DECISIONS]


class BuyerOverRestarts(RuleBasedStateMachine):
    """No sequence of signals, failures and restarts breaks a cap, buys twice or loses a micro-unit."""

    @initialize()
    def open_desk(self) -> None:
        self.desk = Desk(limits=some_limits(max_market_usdc=D(20), max_day_usdc=D(40)))
        self.signals = 0

    @rule(
        side=st.sampled_from(["BUY", "SELL"]),
        token=st.sampled_from(["1", "2", "3"]),
        leader=st.sampled_from(["a1", "b2"]),
        unknown=st.booleans(),
        again=st.integers(0, 3),
    )
    def signal(self, side: Side, token: str, leader: str, again: int, *, unknown: bool) -> None:
        self.signals += 0 if again and self.signals else 1
        number = max(1, self.signals - (again if again < self.signals else 0))
        condition = "0x" + f"{(int(token) + 1) // 2:064x}"
        self.desk.prices.market = a_market(token_id=token, condition_id=condition)
        self.desk.prices.next_book = a_book(token_id=token)
        self.desk.venue.unknown = int(unknown)
        signal = a_signal(token_id=token, side=side, leader="0x" + leader * 20, tx_hash="0x" + f"{number:064x}")
        try:
            self.desk.engine.handle(signal)
        except OutcomeUnknown:
            assert unknown

    @rule()
    def crash(self) -> None:
        self.desk.restart()
        self.desk.venue.unknown = 0
        for intent in self.desk.journal.open_intents().values():
            self.desk.engine.resume(intent)

    @invariant()
    def books_balance(self) -> None:
        values = self.desk.ledger.values
        assert values.get(accounts.day_account(NOW_MS), 0) <= 40_000_000
        assert all(0 <= value <= 20_000_000 for name, value in values.items() if name.startswith("market:"))
        assert all(value >= 0 for name, value in values.items() if name.startswith(("shares:", "cost:", "cash")))
        costs = sum(value for name, value in values.items() if name.startswith("cost:"))
        realized = values.get("realized", 0)
        reserved = sum(value for name, value in values.items() if name.startswith("market:")) - costs
        assert values["cash"] + costs + reserved - realized == 1_000_000_000

    @invariant()
    def one_decision_and_one_order_for_each_signal(self) -> None:
        ids = [decision.signal_id for decision in self.desk.decisions()]
        assert len(ids) == len(set(ids))
        orders = {order.signal_id: order for order in self.desk.venue.placed}
        assert all(orders[order.signal_id] == order for order in self.desk.venue.placed)


TestBuyerOverRestarts = BuyerOverRestarts.TestCase
TestBuyerOverRestarts.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_a_scope_names_the_day_of_the_decision() -> None:
    scope = scope_of(LEADER, TOKEN, a_market(), NOW_MS)

    assert scope.day == "day:20260921"


def test_the_bankroll_is_deposited_once_even_when_its_write_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_WRITES", 3)
    desk = Desk(ledger=MemoryLedger())
    desk.journal.deposit(5_000_000)
    for number in range(4):
        desk.ledger.commit(Write(id=f"w{number}"))

    desk.journal.deposit(5_000_000)
    desk.journal.deposit(9_000_000)

    assert desk.ledger.values == {"cash": 5_000_000, "deposited": 5_000_000}


def test_an_outcome_that_the_ledger_cannot_hold_stops_everything_and_changes_nothing() -> None:
    desk = Desk()
    desk.engine.handle(a_signal())
    before = dict(desk.ledger.values)

    class Overselling(FakeVenue):
        def place(self, order: Order, facts: MarketFacts) -> Outcome:
            return super().place(order, facts).model_copy(update={"shares": order.shares * 2})

    desk.engine._venue = Overselling()
    desk.prices.next_book = a_book(bids=(("0.6", "100"),), asks=(("0.61", "100"),))

    with pytest.raises(RefusedForSafety, match="shares:"):
        desk.engine.handle(a_signal(side="SELL", price=D("0.6"), tx_hash="0x" + "9a" * 32))

    assert len(desk.journal.open_intents()) == 1
    assert desk.ledger.values == {name: value for name, value in before.items() if not name.startswith("shares:")}


def test_an_intent_of_yesterday_gives_its_budget_back_to_yesterday() -> None:
    desk = Desk(limits=some_limits(max_signal_age_s=86_400))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.handle(a_signal())
    yesterday = accounts.day_account(NOW_MS)
    assert desk.ledger.values[yesterday] > 4_997_200 - 1
    desk.clock.advance(86_000)

    desk.engine.handle(a_signal())

    assert desk.ledger.values[yesterday] == 9_610_000 * 52 // 100
    assert accounts.day_account(desk.clock.now_ms()) not in desk.ledger.values
