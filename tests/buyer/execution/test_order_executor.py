"""One signal's way through the engine: intent first, order, then everything else in one step; twice changes nothing."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope, scope_of
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal, SignalStatus
from buyer.execution.order_executor import BuyExecutor
from buyer.strategy.fill_model import walk_book
from buyer.strategy.limits import TradingLimits
from buyer.strategy.rule_table import RULES
from shared.clock import ManualClock
from shared.domain import ledger_accounts
from shared.domain.errors import Fenced, OutcomeUnknown, RefusedForSafety
from shared.domain.ledger_write import FencingToken, LedgerWrite, Result
from shared.domain.market import Book, MarketFacts, Side
from shared.domain.money import from_micro, to_micro
from shared.domain.trading_controls import NOTES, STOPS, turn_control
from shared.ledger import port
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import DEAD, DECISIONS
from shared.messages.decisions import BuyEngineDecision, Gathered, Order, OrderUpdate, Outcome, Portfolio, Trade
from shared.messages.events import write_event
from shared.messages.service import DeadLetter
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market, a_signal, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue

D = Decimal


@dataclass
class Desk:
    """An engine with all its parts in reach."""

    limits: TradingLimits = field(default_factory=some_limits)
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({"cash": 1_000_000_000}))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    prices: FakePrices = field(default_factory=FakePrices)
    venue: FakeVenue = field(default_factory=FakeVenue)
    told: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    found: dict[str, ActionableSignal] = field(default_factory=dict[str, ActionableSignal])

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, journal: Journal | None = None) -> None:
        """Build the engine again, as after a crash: only the ledger lives on."""
        self.journal = journal or Journal(self.ledger, lambda: FencingToken("lease", "1"))
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=self.limits,
            identity=BuyerIdentity("paper", self.limits.id, "test"),
            emit=self.told.append,
            signal_of=self.found.get,
        )
        tasks = ExitStore(self.ledger, lambda: FencingToken("lease", "1"))
        self.exits = ExitManager(self.engine, tasks, self.prices, clock=self.clock, limits=self.limits)

    def decisions(self) -> list[BuyEngineDecision]:
        """Return what is on the decisions stream."""
        return [event for _, event in self.ledger.events if isinstance(event, BuyEngineDecision)]


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


@pytest.mark.pitfall(20)
def test_an_unknown_outcome_places_the_same_order_again_and_no_other() -> None:
    desk = Desk()
    desk.venue.unknown = 1

    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.restart()
    desk.engine.process_actionable(a_signal())

    first, second = desk.venue.placed
    assert first == second
    assert len(desk.decisions()) == 1
    assert open_lots(desk.ledger)[0].shares == to_micro(first.shares)


@pytest.mark.pitfall(19)
def test_an_open_intent_counts_against_the_caps() -> None:
    desk = Desk(limits=some_limits(max_market_usdc=D(6)))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    another = desk.prices.outcome("another outcome of the market")
    other = desk.engine.process_actionable(a_signal(tx_hash="0x" + "8f" * 32, token_id=another))

    assert other is not None
    assert other.reason == "market_cap"


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


@pytest.mark.pitfall(24)
def test_an_intent_left_by_a_crash_is_cancelled_when_the_kill_switch_is_on() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=((ledger_accounts.HALT, 1),)))
    desk.restart()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert len(desk.venue.placed) == 1
    assert desk.ledger.values["cash"] == 1_000_000_000


@pytest.mark.pitfall(20)
def test_an_order_signed_just_now_is_not_given_up_while_the_venue_may_still_show_it() -> None:
    class SignsAndForgets(FakeVenue):
        def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
            del facts, now_ms
            return f"signed {order.id}"

    desk = Desk(venue=SignsAndForgets())
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=((ledger_accounts.HALT, 1),)))
    desk.restart()
    reserved = desk.ledger.values["cash"]

    with pytest.raises(OutcomeUnknown, match="still come to be shown"):
        desk.engine.process_actionable(a_signal())
    kept = desk.ledger.values["cash"]
    desk.clock.advance(31)
    with pytest.raises(OutcomeUnknown, match="still come to be shown"):
        desk.engine.process_actionable(a_signal())
    desk.clock.advance(6)
    decision = desk.engine.process_actionable(a_signal())

    assert kept == reserved < 1_000_000_000
    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.state == "CANCELLED"
    assert len(desk.venue.placed) == 1
    assert desk.ledger.values["cash"] == 1_000_000_000


@pytest.mark.pitfall(22)
def test_an_intent_from_before_a_long_downtime_is_not_carried_out() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.restart()
    desk.clock.advance(3600)

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.reason == "stale when the buyer came back"
    assert f"market:{CONDITION}" not in desk.ledger.values


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
    proceeds = to_micro(D("9.61") * decision.order.limit_price)
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

    assert streams == [DECISIONS, DECISIONS, DECISIONS]


LIMITS = some_limits(
    max_market_usdc=D(20),
    max_event_usdc=D(24),
    max_group_usdc=D(22),
    max_leader_usdc=D(26),
    max_day_usdc=D(60),
    max_total_usdc=D(40),
    max_day_loss_usdc=D(8),
    max_orders_per_minute=8,
    stake_usdc=D(9),
    gather_window_s=30,
    min_leader_usdc=D(40),
    mirror_sells="proportional",
    stop_loss_pct=D(30),
)
CAPS = {"market:": 20, "event:": 24, "group:": 22, "leader:": 26, "day:": 60, "total": 40}
NEVER_NEGATIVE = ("shares:", "cost:", "cash", "behind:", "gathered:", *CAPS)
BOOKS = {
    "even": a_book(),
    "fallen": a_book(bids=(("0.3", "100"),), asks=(("0.31", "100"),)),
    "thin": a_book(bids=(("0.49", "2"),), asks=(("0.5", "2"),)),
    "empty": a_book(bids=(), asks=()),
}


class BuyerOverRestarts(RuleBasedStateMachine):
    """No sequence of signals, fills, failures and restarts breaks a cap, buys twice or loses a micro-unit."""

    @initialize()
    def open_desk(self) -> None:
        self.desk = Desk(limits=LIMITS, ledger=MemoryLedger({"cash": 1_000_000_000, "deposited": 1_000_000_000}))
        self.prices = self.desk.prices = ShowingPrices()
        self.venue = self.desk.venue = WalkingVenue(self.prices)
        self.venue.values = self.desk.ledger.values
        self.desk.restart()
        self.signals = 0

    @rule(
        side=st.sampled_from(["BUY", "BUY", "SELL"]),
        token=st.sampled_from(["1", "2", "3", "4"]),
        leader=st.sampled_from(["a1", "b2"]),
        usdc=st.sampled_from([15, 50]),
        book=st.sampled_from(sorted(BOOKS)),
        unknown=st.booleans(),
        again=st.integers(0, 3),
    )
    def signal(self, side: Side, token: str, leader: str, usdc: int, book: str, again: int, *, unknown: bool) -> None:
        self.signals += 0 if again and self.signals else 1
        number = max(1, self.signals - (again if again < self.signals else 0))
        self.prices.show(token, book, self.desk.clock.now_ms())
        self.desk.venue.unknown = int(unknown)
        signal = a_signal(
            token_id=token,
            side=side,
            leader="0x" + leader * 20,
            usdc=D(usdc),
            shares=D(2 * usdc),
            tx_hash="0x" + f"{number:064x}",
            traded_at_ms=self.desk.clock.now_ms() - 1000,
        )
        try:
            self.desk.engine.process_actionable(signal)
        except OutcomeUnknown:
            assert unknown
            self.crash()

    @rule(seconds=st.sampled_from([2, 20, 70]), book=st.sampled_from(sorted(BOOKS)), unknown=st.booleans())
    def exits(self, seconds: int, book: str, *, unknown: bool) -> None:
        self.desk.clock.advance(seconds)
        self.prices.show("", book, self.desk.clock.now_ms())
        self.desk.venue.unknown = int(unknown)
        try:
            self.desk.exits.work_due()
        except OutcomeUnknown:
            assert unknown
            self.crash()

    @rule(control=st.sampled_from(sorted(NOTES)), on=st.sampled_from([False, False, True]))
    def turn(self, control: str, *, on: bool) -> None:
        name = f"turn:{self.desk.ledger.seq}"
        self.desk.ledger.commit(turn_control(name, on=on, who="t", why="t", now_ms=1, control=control))

    @rule()
    def crash(self) -> None:
        self.desk.restart()
        self.desk.venue.unknown = 0
        for intent in self.desk.journal.open_intents().values():
            self.desk.engine.resume(intent)

    @invariant()
    def caps_hold_and_books_balance(self) -> None:
        values = self.desk.ledger.values
        for name, cap in CAPS.items():
            assert all(value <= cap * 1_000_000 for account, value in values.items() if account.startswith(name))
        assert all(value >= 0 for name, value in values.items() if name.startswith(NEVER_NEGATIVE))
        assert values.get(ledger_accounts.RATE_ORDERS, 0) <= LIMITS.max_orders_per_minute
        total = values.get(ledger_accounts.TOTAL, 0)
        for kind in ("market:", "event:", "leader:"):
            assert sum(value for name, value in values.items() if name.startswith(kind)) == total
        assert values["cash"] + total - values.get("realized", 0) == 1_000_000_000

    @invariant()
    def one_decision_and_one_order_for_each_signal(self) -> None:
        ids = [decision.signal_id for decision in self.desk.decisions()]
        assert len(ids) == len(set(ids))
        orders = {order.signal_id: order for order in self.desk.venue.placed}
        assert all(orders[order.signal_id] == order for order in self.desk.venue.placed)

    @invariant()
    def nothing_is_bought_while_a_control_says_no(self) -> None:
        for order, controls in self.venue.seen:
            assert not (controls & set(STOPS[order.side]))


class ShowingPrices(FakePrices):
    """Markets of two outcomes in two events, the second neg-risk; every token has the book shown last."""

    def show(self, token: str, book: str, now_ms: int) -> None:
        del token
        self.next_book = replace(BOOKS[book], at_ms=now_ms)

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        pair = (int(token_id) + 1) // 2
        facts = a_market(
            token_id=token_id, condition_id="0x" + f"{pair:064x}", event_id=str(pair // 2), neg_risk=pair == 2
        )
        return facts, ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        book, problem = super().book(token_id)
        return (replace(book, token_id=token_id) if book else None), problem


class WalkingVenue(FakeVenue):
    """Fills from the book that is shown, in parts or not at all; remembers which controls were on."""

    def __init__(self, prices: FakePrices) -> None:
        super().__init__()
        self._prices = prices
        self.values: dict[str, int] = {}
        self.seen: list[tuple[Order, set[str]]] = []

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        self.seen.append((order, {name for name in NOTES if self.values.get(name)}))
        super().place(order, facts, prepared)
        book, _ = self._prices.book(order.token_id)
        assert book is not None
        budget = to_micro(order.budget) if order.side == "BUY" else None
        levels = book.against(order.side)
        got = walk_book(levels, order.side, to_micro(order.shares), order.limit_price, budget, facts)
        state = "MATCHED" if got.shares else "REJECTED"
        return Outcome(state=state, shares=from_micro(got.shares), usdc=from_micro(got.usdc), fee=from_micro(got.fee))


TestBuyerOverRestarts = BuyerOverRestarts.TestCase
TestBuyerOverRestarts.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)


def test_small_trades_add_up_over_restarts_and_each_signal_has_its_decision() -> None:
    """Three trades of 15 pUSD come to the 40 that are followed; the sum's order uses up what was gathered."""
    desk = Desk(limits=some_limits(gather_window_s=600, min_leader_usdc=D(40)))
    for number in range(3):
        desk.engine.process_actionable(a_signal(usdc=D(15), shares=D(30), tx_hash="0x" + f"{number:064x}"))
        desk.restart()

    assert [decision.reason for decision in desk.decisions()] == ["gathered", "gathered", "all rules passed"]
    assert desk.decisions()[-1].trade == Trade(usdc=D(45), shares=D(90), price=D("0.5"))
    assert desk.ledger.records("gathered") == {}
    assert desk.ledger.values[ledger_accounts.behind_account(LEADER, TOKEN)] == 90_000_000


def test_small_trades_of_a_window_long_over_are_not_followed() -> None:
    desk = Desk(limits=some_limits(gather_window_s=600, min_leader_usdc=D(40)))
    desk.engine.process_actionable(a_signal(usdc=D(39), shares=D(78)))
    desk.clock.advance(600)
    now_ms = desk.clock.now_ms()
    desk.prices.next_book = a_book(at_ms=now_ms)

    late = desk.engine.process_actionable(
        a_signal(usdc=D(2), shares=D(4), traded_at_ms=now_ms, tx_hash="0x" + "22" * 32)
    )

    assert late is not None
    assert late.gathered == Gathered(usdc=D(2), shares=D(4), since_ms=now_ms)


@pytest.mark.pitfall(19)
def test_two_outcomes_of_one_event_share_its_cap() -> None:
    desk = Desk(limits=some_limits(max_event_usdc=D(8)))
    desk.engine.process_actionable(a_signal())
    desk.prices.market = a_market(token_id="2", condition_id="0x" + "dd" * 32)
    desk.prices.next_book = a_book(token_id="2")

    other = desk.engine.process_actionable(a_signal(token_id="2", leader="0x" + "b2" * 20))

    assert other is not None
    assert other.reason == "event_cap"


def test_a_scope_names_the_day_of_the_decision() -> None:
    scope = scope_of(LEADER, TOKEN, a_market(), NOW_MS)

    assert scope.day == "day:20260921"


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


def test_an_intent_of_yesterday_gives_its_budget_back_to_yesterday() -> None:
    desk = Desk(limits=some_limits(max_signal_age_s=86_400))
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    yesterday = ledger_accounts.day_account(NOW_MS)
    assert desk.ledger.values[yesterday] > 4_997_200 - 1
    desk.clock.advance(86_000)

    desk.engine.process_actionable(a_signal())

    assert desk.ledger.values[yesterday] == 9_610_000 * 52 // 100
    assert ledger_accounts.day_account(desk.clock.now_ms()) not in desk.ledger.values


class Turning(FakeVenue):
    """Before the first order's intent is written, an order of another market begins to count a new minute."""

    def __init__(self, desk: "Desk", turns: int) -> None:
        super().__init__()
        self._desk, self._left = desk, turns

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del order, facts
        if self._left:
            self._left -= 1
            self._desk.clock.advance(60)
            before = self._desk.ledger.values.get(ledger_accounts.RATE_MINUTE, 0)
            minute = self._desk.clock.now_ms() // 60_000
            self._desk.ledger.commit(LedgerWrite(f"other:{now_ms}", ((ledger_accounts.RATE_MINUTE, minute - before),)))
        return ""


def test_an_intent_whose_minute_another_order_turned_counts_in_the_new_one() -> None:
    desk = Desk(limits=some_limits(max_signal_age_s=600, max_book_age_s=600))
    desk.venue = Turning(desk, turns=1)
    desk.restart()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, len(desk.venue.placed)) == ("BUY", 1)
    assert desk.ledger.values[ledger_accounts.RATE_MINUTE] == NOW_MS // 60_000 + 1
    assert desk.ledger.values[ledger_accounts.RATE_ORDERS] == 1


class Noting(MemoryLedger):
    """Keeps every write."""

    def __init__(self) -> None:
        super().__init__({"cash": 1_000_000_000})
        self.writes: list[LedgerWrite] = []

    def commit(self, write: LedgerWrite) -> Result:
        self.writes.append(write)
        return super().commit(write)


def test_an_order_does_not_wait_for_the_rules_values_and_its_decision_has_them_all() -> None:
    written = Noting()
    desk = Desk(ledger=written)

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    intent, concluded = written.writes
    bare = replace(decision, outcome=None, rules=())
    assert intent.records[0].value == write_event(bare)
    assert concluded.texts == {decision.id: write_event(decision)}
    assert {rule.rule for rule in decision.rules} == set(RULES["BUY"])


def test_a_decision_finished_after_a_crash_has_the_rules_as_they_were_judged() -> None:
    whole = Desk().engine.process_actionable(a_signal())
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.found = {a_signal().id: a_signal()}
    desk.restart()
    ((_, intent),) = desk.journal.open_intents().items()
    resumed = desk.engine.resume(intent)

    assert whole is not None
    assert resumed is not None
    assert resumed.rules == whole.rules
    assert all(rule.passed for rule in resumed.rules)


def test_rules_are_not_judged_again_by_other_limits_than_those_of_the_decision() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.limits = some_limits(stake_usdc=Decimal(7))
    desk.restart()
    again = desk.engine.process_actionable(a_signal())

    assert again is not None
    assert again.verdict == "BUY"
    assert again.rules == ()
