"""A live order's life through engine, journal and settlement: provisional until confirmed, once, whatever crashes."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from buyer.domain.order_result import OrderSeen, OwnTrade, TradeState
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_precedence import NotSettled
from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from buyer.settlement.worker import FEED_S, OVERDUE_S, SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.strategy.limits import TradingLimits
from shared.clock import ManualClock
from shared.domain.errors import Fenced, Malformed, OutcomeUnknown, RefusedForSafety
from shared.domain.exit_codes import CRASH, exit_code
from shared.domain.ledger_accounts import peak_account, realized_account
from shared.domain.ledger_write import FencingToken, LedgerWrite
from shared.domain.market import MarketFacts
from shared.domain.money import to_micro
from shared.ledger.gated_commit import GateTurns
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Outcome
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLane
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, a_book, a_signal, some_limits
from tests.buyer.fakes import FakePrices

D = Decimal
CASH = 1_000_000_000


@dataclass
class Exchange:
    """A venue that remembers: what it took, and what becomes of the trades."""

    taken: dict[str, Order] = field(default_factory=dict[str, Order])
    posts: list[str] = field(default_factory=list[str])
    trades: dict[str, TradeState] = field(default_factory=dict[str, TradeState])
    state: str = "MATCHED"
    lose_answers: int = 0
    signed: int = 0
    listings: int = 0
    hidden: bool = False
    """Whether the chain shows nothing."""
    poison: dict[str, str] = field(default_factory=dict[str, str])
    """Which order cannot be read: `trade` or `receipt` -> its hash."""
    turns: GateTurns | None = None
    crash: str = ""
    """What a listing crashes with."""

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del facts
        self.signed += 1
        return f"0x{fact_id(order.id, now_ms)}"

    def place(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        if self.turns:
            self.turns.use()
        self.posts.append(prepared)
        if self.state != "REJECTED":
            self.taken[prepared] = order
            self.trades.setdefault(prepared, "PENDING")
        if self.lose_answers:
            self.lose_answers -= 1
            raise OutcomeUnknown(f"{prepared}: no answer")
        return self.find(order, facts, prepared) or self._outcome(order, prepared, "REJECTED")

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        del facts
        return self._outcome(order, prepared, self.state) if prepared in self.taken else None

    def _outcome(self, order: Order, prepared: str, state: Any) -> Outcome:
        shares = order.shares if state == "MATCHED" else D(0)
        usdc = shares * order.limit_price
        ids = (f"t-{prepared}",) if state == "MATCHED" else ()
        return Outcome(state=state, shares=shares, usdc=usdc, fee=D(0), order_hash=prepared, trade_ids=ids)

    def order(self, order_hash: str) -> OrderSeen | None:
        order = self.taken.get(order_hash)
        return OrderSeen("matched", to_micro(order.shares)) if order else None

    def listed(self, since_ms: int) -> Mapping[str, Sequence[Any]]:
        del since_ms
        self.listings += 1
        if self.crash:
            raise RuntimeError(self.crash)
        return {name: [name] for name in self.taken}

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> OwnTrade:
        del raw, facts
        if self.poison.get("trade") == order_hash:
            raise Malformed("a trade of another form")
        order = self.taken[order_hash]
        shares = to_micro(order.shares)
        return OwnTrade(
            f"t-{order_hash}", self.trades[order_hash], shares, to_micro(order.shares * order.limit_price), 7
        )

    def trades_of(self, raws: Iterable[Any]) -> Mapping[str, Sequence[Any]]:
        return {raw["name"]: [raw] for raw in raws}

    def booked(self, trades: Sequence[tuple[str, OwnTrade]]) -> Mapping[str, OwnTrade]:
        assert all(order_hash in self.taken for order_hash, _ in trades)
        if self.poison.get("receipt") in {order_hash for order_hash, _ in trades}:
            raise Malformed("a receipt of another form")
        return {} if self.hidden else {trade.id: trade for _, trade in trades}


class Gate:
    """The gate of orders: it lets one through after what happens `meanwhile`."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def acquire(self, stop: threading.Event, lane: GateLane) -> bool:
        del stop, lane
        self.meanwhile()
        return True


class Silence:
    """A feed without news."""

    def wait(self, seconds: float) -> bool:
        del seconds
        return False

    def trades(self) -> Sequence[Any]:
        return ()

    def covers(self, since_ms: int) -> bool:
        del since_ms
        return False

    def close(self) -> None:
        pass


class Told(Silence):
    """A feed that stands, and tells what a test lets it."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def tell(self, name: str) -> None:
        self.rows.append({"id": f"t-{name}", "name": name})

    def trades(self) -> Sequence[Any]:
        rows, self.rows = self.rows, []
        return rows

    def covers(self, since_ms: int) -> bool:
        del since_ms
        return True


@dataclass
class LiveDesk:
    """A live engine with all its parts in reach; a restart keeps the ledger and the exchange."""

    feed: Any = field(default_factory=Silence)

    limits: TradingLimits = field(default_factory=some_limits)
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger({"cash": CASH, "deposited": CASH}))
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    prices: FakePrices = field(default_factory=FakePrices)
    exchange: Exchange = field(default_factory=Exchange)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.journal = Journal(self.ledger, lambda: FencingToken("lease", "1"))
        settling = SettlementWriter(self.ledger, lambda: FencingToken("lease", "1"))
        self.settlement = SettlementWorker(settling, self.exchange, self.feed, clock=self.clock)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.exchange,
            clock=self.clock,
            limits=self.limits,
            identity=BuyerIdentity("live", self.limits.id, "test"),
            emit=self.settlement.watch,
        )

    def hold_orders(self, meanwhile: Callable[[], object]) -> None:
        """Let each order wait for its turn from now on, while this happens."""
        self.exchange.turns = GateTurns(cast("RateGate", Gate(meanwhile)), threading.Event())
        self.journal.send_at(self.exchange.turns)

    def recover(self) -> None:
        """Finish what a crash left, as the service does first."""
        for signal_id, intent in self.journal.open_intents().items():
            self.engine.resume(intent, self.journal.signed(signal_id))

    def recover_until_known(self) -> None:
        """Ask again and again what became of what a crash left, as the service does."""
        for _ in range(ANSWERS_NEEDED):
            with contextlib.suppress(OutcomeUnknown):
                self.recover()
                return
            self.clock.advance(SHOWN_WITHIN_S / (ANSWERS_NEEDED - 1))
        raise AssertionError("its outcome is not known yet")

    def settle(self, state: TradeState = "CONFIRMED") -> None:
        """Let every open trade end, and the settlement look."""
        self.exchange.trades.update({name: state for name, now in self.exchange.trades.items() if now == "PENDING"})
        self.look()

    def look(self) -> None:
        self.clock.advance(3)
        self.settlement.step()

    def states(self) -> list[str]:
        return [event.state for _, event in self.ledger.events if isinstance(event, OrderUpdate)]

    def money(self) -> dict[str, int]:
        return {name: value for name, value in self.ledger.values.items() if not name.startswith("rate:")}

    def at_rest(self) -> bool:
        return not (self.journal.open_intents() or self.journal.unsettled())


@pytest.mark.pitfall(20)
def test_a_matched_order_holds_its_whole_budget_until_it_is_confirmed() -> None:
    desk = LiveDesk()

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.order is not None
    reserved = to_micro(decision.order.budget)
    assert desk.ledger.values["cash"] == CASH - reserved
    assert open_lots(desk.ledger) == []

    desk.settle()

    (lot,) = open_lots(desk.ledger)
    assert (lot.leader, lot.shares, lot.cost) == (LEADER, 9_610_000, 4_997_207)
    assert desk.ledger.values["cash"] == CASH - 4_997_207
    assert desk.ledger.values["fees"] == 7
    assert desk.states() == ["INTENT", "MATCHED", "CONFIRMED"]
    assert desk.at_rest()


def test_an_order_that_the_feed_covers_is_settled_without_a_listing_once_the_chain_shows_it() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())
    (name,) = desk.exchange.taken
    desk.exchange.trades[name] = "CONFIRMED"
    desk.exchange.hidden = True

    desk.feed.tell(name)
    desk.look()
    assert desk.states()[-1] == "MATCHED"

    desk.exchange.hidden = False
    desk.look()

    assert desk.states()[-1] == "CONFIRMED"
    assert (desk.exchange.listings, desk.at_rest()) == (0, True)


def test_what_the_feed_tells_before_the_order_is_handed_over_is_kept_for_it() -> None:
    desk = LiveDesk(feed=Told())
    name = f"0x{fact_id(fact_id('order', a_signal().id), NOW_MS + 3000)}"
    desk.feed.tell(name)
    desk.look()

    desk.engine.process_actionable(a_signal())
    desk.exchange.trades = dict.fromkeys(desk.exchange.trades, "CONFIRMED")
    desk.look()

    assert desk.states()[-1] == "CONFIRMED"
    assert desk.exchange.listings == 0


def test_an_order_whose_end_the_feed_never_told_is_listed_after_a_while() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())

    desk.settle()
    assert desk.exchange.listings == 0
    desk.clock.advance(FEED_S)
    desk.look()

    assert desk.exchange.listings == 1
    assert desk.at_rest()


@pytest.mark.pitfall(20)
def test_a_failed_trade_that_the_feed_covers_is_read_by_listing() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())

    desk.settle("FAILED")
    desk.clock.advance(FEED_S)
    desk.look()

    assert desk.states()[-1] == "FAILED"
    assert desk.money() == {"cash": CASH, "deposited": CASH}


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


@pytest.mark.pitfall(20)
def test_a_post_without_an_answer_is_found_by_its_hash_after_a_restart() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.restart()
    desk.recover()
    desk.settle()

    assert desk.exchange.signed == len(desk.exchange.posts) == 1
    assert [lot.shares for lot in open_lots(desk.ledger)] == [9_610_000]


def test_what_the_venue_never_got_is_sent_again_in_the_same_bytes() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.exchange.taken.clear()

    desk.restart()
    desk.recover()

    first, second = desk.exchange.posts
    assert first == second
    assert desk.exchange.signed == 1


@pytest.mark.pitfall(24)
def test_a_taken_order_is_kept_though_the_kill_switch_is_on_when_the_buyer_comes_back() -> None:
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.ledger.commit(LedgerWrite(id="halt", postings=(("halt", 1),)))

    desk.restart()
    desk.recover()
    desk.settle()

    assert len(desk.exchange.posts) == 1
    assert [lot.shares for lot in open_lots(desk.ledger)] == [9_610_000]


def lost_order() -> LiveDesk:
    """Return a desk whose only order never reached the venue."""
    desk = LiveDesk(exchange=Exchange(lose_answers=1))
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())
    desk.exchange.taken.clear()
    return desk


@pytest.mark.pitfall(24)
def test_a_kill_while_a_resumed_order_waits_for_its_turn_stops_it() -> None:
    desk = lost_order()
    desk.hold_orders(lambda: desk.ledger.commit(LedgerWrite(id="halt", postings=(("halt", 1),))))

    desk.recover_until_known()

    assert len(desk.exchange.posts) == 1
    assert desk.states()[-1] == "CANCELLED"
    assert desk.money() == {"cash": CASH, "deposited": CASH, "halt": 1}


@pytest.mark.pitfall(21)
def test_a_resumed_order_that_another_buyer_concluded_while_it_waited_for_its_turn_is_not_sent() -> None:
    desk = lost_order()
    successor = LiveDesk(ledger=desk.ledger, clock=desk.clock, exchange=Exchange())

    def overtaken() -> None:
        (name, intent) = successor.journal.open_intents().popitem()
        for _ in range(ANSWERS_NEEDED):
            with contextlib.suppress(OutcomeUnknown):
                successor.engine.abandon(intent, successor.journal.signed(name), "given up")
            successor.clock.advance(SHOWN_WITHIN_S)
        desk.ledger.fence_token = "2"

    desk.hold_orders(overtaken)

    with pytest.raises(Fenced):
        desk.recover()

    assert len(desk.exchange.posts) == 1


@pytest.mark.pitfall(22)
def test_a_resumed_order_whose_turn_comes_too_late_is_not_sent() -> None:
    desk = lost_order()
    desk.hold_orders(lambda: desk.clock.advance(900))

    desk.recover_until_known()

    assert len(desk.exchange.posts) == 1
    assert desk.states()[-1] == "CANCELLED"


@pytest.mark.pitfall(22)
def test_a_new_order_whose_turn_comes_too_late_is_not_sent() -> None:
    desk = LiveDesk()
    desk.hold_orders(lambda: desk.clock.advance(900))

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert decision.outcome is not None
    assert decision.outcome.reason == "stale when its turn came"
    assert desk.exchange.posts == []
    assert desk.money() == {"cash": CASH, "deposited": CASH}


@pytest.mark.pitfall(21)
def test_a_buyer_that_wakes_up_after_its_lease_moved_places_nothing() -> None:
    desk = LiveDesk()
    desk.ledger.fence_token = "2"

    with pytest.raises(Fenced):
        desk.engine.process_actionable(a_signal())

    assert desk.exchange.posts == []


@pytest.mark.pitfall(21)
def test_a_buyer_paused_right_before_its_order_and_its_successor_send_the_same_bytes() -> None:
    paused = LiveDesk()
    successor = LiveDesk(ledger=paused.ledger, clock=paused.clock, exchange=Exchange())
    place = paused.exchange.place

    def pause(order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        successor.exchange.taken, successor.exchange.trades = paused.exchange.taken, paused.exchange.trades
        successor.exchange.posts = paused.exchange.posts
        successor.recover()
        paused.ledger.fence_token = "2"
        return place(order, facts, prepared)

    paused.exchange.place = pause  # type: ignore[method-assign]  # the lease moves while the order is on its way

    with pytest.raises(Fenced):
        paused.engine.process_actionable(a_signal())

    assert len(paused.exchange.posts) == 2
    assert len(set(paused.exchange.posts)) == len(paused.exchange.taken) == 1


@pytest.mark.pitfall(21)
def test_two_buyers_that_decide_on_one_signal_at_once_send_one_order() -> None:
    slow = LiveDesk()
    quick = LiveDesk(ledger=slow.ledger, clock=slow.clock, exchange=slow.exchange)
    prepare = slow.exchange.prepare

    def overtaken(order: Order, facts: MarketFacts, now_ms: int) -> str:
        slow.exchange.prepare = prepare  # type: ignore[method-assign]  # once
        quick.engine.process_actionable(a_signal())
        slow.clock.advance(1)
        return prepare(order, facts, now_ms + 1)

    slow.exchange.prepare = overtaken  # type: ignore[method-assign]  # the other one is quicker

    assert slow.engine.process_actionable(a_signal()) is None
    assert len(slow.exchange.posts) == 1


@pytest.mark.pitfall(19)
def test_a_leaders_loss_that_comes_while_a_buy_is_decided_stops_it() -> None:
    desk, realized = LiveDesk(), realized_account(LEADER)
    desk.ledger.commit(
        LedgerWrite(id="gain", postings=((realized, 7_000_000),), peaks=((realized, peak_account(LEADER)),))
    )
    prepare = desk.exchange.prepare

    def meanwhile(order: Order, facts: MarketFacts, now_ms: int) -> str:
        desk.ledger.commit(LedgerWrite(id="loss", postings=((realized, -to_micro(desk.limits.max_drawdown_usdc)),)))
        return prepare(order, facts, now_ms)

    desk.exchange.prepare = meanwhile  # type: ignore[method-assign]  # another market of the leader ends badly
    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    assert (decision.verdict, decision.reason) == ("SKIP", "ledger")
    assert decision.rules[-1].value == f"{realized}=-93"
    assert desk.exchange.posts == []


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


class AnyOrderOfThings(RuleBasedStateMachine):
    """Signals, lost answers, confirmations, failures and crashes in any order: the books always balance."""

    @initialize()
    def start(self) -> None:
        self.desk = LiveDesk(limits=some_limits(max_market_usdc=D(16)))
        self.number = 0

    @rule(lost=st.booleans(), state=st.sampled_from(("MATCHED", "DELAYED", "REJECTED")))
    def buy(self, lost: bool, state: str) -> None:  # noqa: FBT001 - hypothesis gives it
        self.number += 1
        self.desk.exchange.state, self.desk.exchange.lose_answers = state, int(lost)
        try:
            self.desk.engine.process_actionable(
                a_signal(tx_hash=f"0x{self.number:064x}", traded_at_ms=self.desk.clock.now_ms())
            )
        except OutcomeUnknown:
            self.come_back()

    @rule(state=st.sampled_from(("CONFIRMED", "FAILED")))
    def end(self, state: TradeState) -> None:
        self.desk.settle(state)

    @rule()
    def come_back(self) -> None:
        self.desk.exchange.lose_answers = 0
        self.desk.restart()
        self.desk.recover_until_known()

    @rule()
    def hear_again(self) -> None:
        for decision in (event for _, event in list(self.desk.ledger.events) if isinstance(event, BuyEngineDecision)):
            self.desk.settlement.watch(decision)
        self.desk.look()

    @invariant()
    def a_cap_is_never_broken_and_nothing_is_bought_twice(self) -> None:
        values = self.desk.ledger.values
        assert values.get(f"market:{CONDITION}", 0) <= 16_000_000
        assert len(set(self.desk.exchange.posts)) == self.desk.exchange.signed
        by_signal = [order.signal_id for order in self.desk.exchange.taken.values()]
        assert len(by_signal) == len(set(by_signal))

    @invariant()
    def the_lots_are_what_confirmed(self) -> None:
        confirmed = sum(
            to_micro(order.shares)
            for name, order in self.desk.exchange.taken.items()
            if self.desk.exchange.trades[name] == "CONFIRMED"
        )
        held = sum(lot.shares for lot in open_lots(self.desk.ledger))
        assert held <= confirmed
        if self.desk.at_rest():
            assert held == confirmed
            assert self.desk.ledger.values["cash"] == CASH - sum(lot.cost for lot in open_lots(self.desk.ledger))


TestAnyOrderOfThings = AnyOrderOfThings.TestCase
TestAnyOrderOfThings.settings = settings(max_examples=20, stateful_step_count=15)
