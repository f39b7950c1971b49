"""No sequence of signals, fills, failures and restarts breaks a cap, buys twice or loses a micro-unit."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buyer.strategy.fill_model import walk_book
from shared.domain import ledger_accounts
from shared.domain.errors import OutcomeUnknown
from shared.domain.market import Book, MarketFacts, Side
from shared.domain.money import from_micro, to_micro
from shared.domain.trading_controls import NOTES, STOPS, turn_control
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import Order, Outcome
from tests.buyer.builders import a_book, a_market, a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakePrices, FakeVenue

D = Decimal
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
        self.next_book = BOOKS[book].model_copy(update={"at_ms": now_ms})

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        pair = (int(token_id) + 1) // 2
        facts = a_market(
            token_id=token_id, condition_id="0x" + f"{pair:064x}", event_id=str(pair // 2), neg_risk=pair == 2
        )
        return facts, ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        book, problem = super().book(token_id)
        return (book.model_copy(update={"token_id": token_id}) if book else None), problem


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
