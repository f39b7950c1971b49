"""Orders that travel at the same time: what was decided meanwhile replays byte for byte, balances included."""

import contextlib
import threading
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay, TapeLedger
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_precedence import NotSettled
from buyer.execution.order_transit import OrderTransit
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from shared.capture.capture import Capture, Header, capture_writer
from shared.clock import ManualClock
from shared.code_version import code_version
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import Book, MarketFacts
from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LOTS
from shared.messages.base import SERVICE, SIGNALS, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import write_event
from shared.messages.service import ServiceStart
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.buyer.builders import NOW_MS, a_book, a_market, a_signal, some_settings

LATENCY_S = 0.3
LEADERS = tuple("0x" + digit * 40 for digit in "ab")
TOKENS: tuple[str, ...] = ("11", "22", "33")
CAPS = ("--stake-usdc", "20", "--max-market-usdc", "60", "--max-event-usdc", "150")
FLAGS = (*CAPS, "--stop-loss-pct", "10", "--mirror-sells", "proportional", "--min-resale-pct", "0")


class Markets:
    """Three markets of one event, whose books are never the same twice."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self.price, self.asked = clock, dict.fromkeys(TOKENS, 50), 0

    def facts(self, token_id: str) -> tuple[MarketFacts, str]:
        return a_market(token_id=token_id, condition_id="0x" + token_id * 32), ""

    def book(self, token_id: str) -> tuple[Book, str]:
        self.asked += 1
        price = self.price[token_id]
        ask, bid = (str(Decimal(each) / 100) for each in (price, price - 1))
        asked, offered = str(15 + self.asked % 30), str(5 + self.asked % 40)
        return a_book(((bid, offered),), ((ask, asked),), at_ms=self._clock.now_ms(), token_id=token_id), ""


class Session:
    """A paper session in memory whose orders travel, as `SignalConsumer` drives it, and what a capture of it holds."""

    def __init__(self) -> None:
        self.settings = some_settings(*FLAGS)
        self.ledger, self.clock = TapeLedger(), ManualClock(NOW_MS)
        self.markets = Markets(self.clock)
        self.header = Header(NOW_MS)
        self.journal = Journal(self.ledger, lambda: None)
        self.journal.deposit(1_000_000_000)
        self.decided: list[BuyEngineDecision] = []
        self.entries: list[StreamEntry] = []
        self.waiting: list[ActionableSignal] = []
        self.signals: dict[str, ActionableSignal] = {}
        self.most_under_way = self.count = 0
        self.start()
        begun = ServiceStart(id="s", emitted_at_ms=1, service="buyer", instance="b", config=self.settings.published())
        self.keep(SERVICE, begun.event, write_event(begun))

    def start(self) -> None:
        """Start the buyer, as after a crash: nothing in memory is left."""
        stop = threading.Event()
        self.transit = OrderTransit(clock=self.clock, stop=stop, latency_s=LATENCY_S)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.markets,
            venue=PaperVenue(self.markets, clock=self.clock, stop=stop, taken=TakenLiquidity()),
            clock=self.clock,
            limits=self.settings.limits,
            identity=BuyerIdentity("paper", self.settings.limits.id, code_version()),
            emit=self.decided.append,
            signal_of=self.signals.get,
            transit=self.transit,
        )
        tasks = ExitStore(self.ledger, lambda: None)
        self.desk = ExitManager(self.engine, tasks, self.markets, clock=self.clock, limits=self.settings.limits)
        for intent in self.journal.open_intents().values():
            self.engine.resume(intent)
        again, self.waiting = self.waiting, []
        for signal in again:
            self.take(signal)

    def trade(self, leader: int, token: int, side: str) -> None:
        self.count += 1
        signal = a_signal(
            leader=LEADERS[leader],
            token_id=TOKENS[token],
            side=side,
            tx_hash=f"0x{self.count:064x}",
            traded_at_ms=self.clock.now_ms(),
        )
        self.signals[signal.id] = signal
        self.keep(SIGNALS, signal.event, write_event(signal))
        self.take(signal)

    def take(self, signal: ActionableSignal) -> None:
        if any(signal.token_id == one.token_id for one in self.waiting):
            self.waiting.append(signal)
            return
        try:
            self.engine.process_actionable(signal)
        except NotSettled:
            self.waiting.append(signal)
        self.most_under_way = max(self.most_under_way, len(self.transit))

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.transit.land(self.engine.carry_out_all):
            again, self.waiting = self.waiting, []
            for signal in again:
                self.take(signal)

    def look_after_exits(self) -> None:
        self.clock.advance(1)
        self.desk.work_due()

    def finish(self) -> None:
        for _ in range(200):
            self.advance(LATENCY_S)
        assert not self.waiting
        assert not len(self.transit)

    def begin_here(self) -> None:
        records = {kind: self.ledger.records(kind) for kind in (LOTS, INTENTS, EXITS, GATHERED)}
        self.header = Header(NOW_MS, self.ledger.seq, dict(self.ledger.values), **records)
        self.decided.clear()
        self.ledger.events.clear()

    def keep(self, stream: str, name: str, text: str) -> None:
        self.entries.append(StreamEntry(stream, f"1-{len(self.entries)}", {"event": name, "json": text}))

    def capture(self, path: Path) -> None:
        told = [
            StreamEntry(stream, f"9-{number}", {"event": event.event, "json": write_event(event)})
            for number, (stream, event) in enumerate(self.ledger.events)
        ]
        with contextlib.closing(capture_writer(path, self.header)) as out:
            out.write([*self.entries, *told])


def replay_of(session: Session) -> SessionReplay:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.jsonl"
        session.capture(path)
        replay = SessionReplay(read_tape(Capture.open(path)))
    made = list(replay.run())
    assert [item.text for item in made] == [item.recorded for item in made]
    assert [item.decision.id for item in made] == [decision.id for decision in session.decided]
    return replay


TRADES = st.tuples(st.just("trade"), st.integers(0, 1), st.integers(0, 2), st.sampled_from(["BUY", "BUY", "SELL"]))
STEPS = st.one_of(
    TRADES,
    TRADES,
    TRADES,
    st.tuples(st.just("advance"), st.sampled_from([0.05, 0.1, 0.2, 0.3, 1.5])),
    st.tuples(st.just("price"), st.integers(0, 2), st.integers(40, 55)),
    st.tuples(st.just("exits")),
    st.tuples(st.just("crash")),
    st.tuples(st.just("pause"), st.booleans()),
)


def play(session: Session, step: tuple[object, ...]) -> None:
    match step:
        case ("trade", int(leader), int(token), str(side)):
            session.trade(leader, token, side)
        case ("advance", float(seconds)):
            session.advance(seconds)
        case ("price", int(token), int(price)):
            session.markets.price[TOKENS[token]] = price
        case ("exits",):
            session.look_after_exits()
        case ("crash",):
            session.start()
        case ("pause", bool(on)):
            delta = int(on) - session.ledger.values.get(ledger_accounts.PAUSE_BUYS, 0)
            name = fact_id("pause", session.ledger.seq)
            session.ledger.commit(LedgerWrite(id=name, postings=((ledger_accounts.PAUSE_BUYS, delta),)))
        case _:
            raise AssertionError(step)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=60), st.integers(0, 30))
def test_whatever_overlaps_replays_byte_for_byte_to_the_same_balances(
    steps: list[tuple[object, ...]], captured_from: int
) -> None:
    session = Session()
    for number, step in enumerate(steps):
        if number == captured_from and captured_from > 10:
            session.begin_here()
        play(session, step)
    session.finish()

    replay = replay_of(session)

    session.ledger.values.pop(ledger_accounts.PAUSE_BUYS, None)
    replay.ledger.values.pop(ledger_accounts.PAUSE_BUYS, None)
    assert replay.ledger.values == session.ledger.values
    assert session.journal.open_intents() == {}


def test_orders_of_several_tokens_are_under_way_at_once_and_replay_byte_for_byte() -> None:
    session = Session()
    for number in range(6):
        session.trade(number % 2, number % 3, "BUY")
        session.advance(0.04)
    session.trade(0, 0, "SELL")
    session.finish()

    replay = replay_of(session)

    assert session.most_under_way == 6
    assert [decision.verdict for decision in session.decided] == ["BUY"] * 6 + ["SELL"]
    assert replay.ledger.values == session.ledger.values


def test_what_was_decided_beside_an_order_whose_end_is_not_captured_replays_byte_for_byte() -> None:
    session = Session()
    session.trade(0, 0, "BUY")
    session.finish()
    session.trade(0, 0, "BUY")
    session.trade(1, 0, "SELL")
    session.trade(1, 1, "SELL")

    replay = replay_of(session)

    assert [decision.verdict for decision in session.decided] == ["BUY", "SKIP"]
    assert replay.ledger.values == session.ledger.values


def test_orders_under_way_as_a_capture_begins_each_leave_their_leaders_shares() -> None:
    session = Session()
    session.trade(0, 0, "BUY")
    session.trade(0, 0, "BUY")
    session.begin_here()
    session.finish()

    replay = replay_of(session)

    assert len(session.header.intents) == 2
    assert replay.ledger.values == session.ledger.values
