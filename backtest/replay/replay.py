"""The replay of a captured session through the same buyer, in the ledger's order.

What the outside did is taken from the capture: the clock, the markets and books, the kill switch, redemptions, crashes,
and which orders travelled at the same time.
What the buyer did is done again, balances included, and must come out the same, byte for byte.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from backtest import settings
from backtest.history.capture_tape import CaptureTape
from backtest.replay.recorded_inputs import RecordedPrices, RecordedVenue
from backtest.simulation.pacing import ReplayPace
from backtest.simulation.redemption_payouts import redeem_market
from buyer.domain.ledger_scope import scope_of
from buyer.domain.postings import counted_order, reserve_postings
from buyer.execution.buy_gate import UNJUDGED
from buyer.execution.dead_letters import DEAD_LETTER
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_transit import OrderTransit
from buyer.strategy.open_losses import NOTHING_LOST
from buyer.venue.paper import PaperVenue
from shared.capture.capture import RECORDS, Header
from shared.clock import ManualClock
from shared.domain import ledger_accounts
from shared.domain.errors import Malformed
from shared.domain.ledger_accounts import behind_account, lot_key, sells_only_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite, Result
from shared.domain.record_kinds import EXITS, GATHERED
from shared.domain.trading_controls import NOTES
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import BuyEngineDecision, ExitTask, Inputs, OrderUpdate
from shared.messages.events import read_event, write_event
from shared.messages.redemptions import RedemptionResult
from shared.messages.signals import ActionableSignal, signal_in
from shared.messages.value_codec import write_value


@dataclass(frozen=True)
class ReplayedDecision:
    """One decision made again, beside the recorded one (both as JSON)."""

    decision: BuyEngineDecision
    text: str
    recorded: str

    @property
    def same(self) -> bool:
        """Say whether both are the same bytes."""
        return self.text == self.recorded


class SessionReplay:
    """The live engine over a ledger in memory, a clock that is set, and recorded books."""

    def __init__(self, tape: CaptureTape, changes: Mapping[str, object] | None = None) -> None:
        self._tape, self._changes = tape, dict(changes or {})
        header = tape.capture.header
        self.ledger = _ledger(header)
        self._clock = ManualClock(header.started_at_ms)
        self._prices = RecordedPrices()
        paper = PaperVenue(self._prices, clock=self._clock, stop=threading.Event())
        self._venue = RecordedVenue(paper)
        self._journal = Journal(self.ledger, lambda: None)
        self._engines: dict[tuple[str, str], BuyExecutor] = {}
        self._losses = NOTHING_LOST
        self._told: list[BuyEngineDecision] = []
        self._transit = Recording(clock=self._clock)
        self._begun: dict[str, BuyEngineDecision | None] = {}
        self._waiting: list[RedemptionResult] = []
        if not header.accounts:
            self._journal.deposit(tape.bankroll)

    def run(self, pace: ReplayPace | None = None) -> Iterator[ReplayedDecision]:
        """Yield each recorded decision, made again; `pace` waits until its time has come.

        Each is begun where its intent stood and concluded where it stood itself: between them others went on.
        """
        intents, self._waiting = deque(self._tape.intents), list(self._tape.redemptions)
        recorded = {decision.signal_id: decision for decision, _ in self._tape.decisions}
        for place, (decision, text) in enumerate(self._tape.decisions):
            if pace:
                pace.wait_for(decision.inputs.now_ms)
            while intents and intents[0][0] <= place:
                self._intend(intents.popleft()[1], recorded)
            again = self._conclude(decision)
            if again is not None:
                yield ReplayedDecision(again, write_event(again), text)
        for result in self._waiting:
            self._redeem(result)

    def _intend(self, update: OrderUpdate, recorded: Mapping[str, BuyEngineDecision]) -> None:
        """Begin a decision whose order left here; one that the capture does not see the end of still reserves."""
        decision = recorded.get(update.signal_id)
        if decision is None:
            self._reserve(update)
        elif update.signal_id not in self._begun:
            self._begun[update.signal_id] = self._begin(decision)

    def _begin(self, decision: BuyEngineDecision) -> BuyEngineDecision | None:
        """Decide again; None while the order is on its way, or where nothing follows."""
        seq = decision.inputs.portfolio.seq if decision.inputs.portfolio else self.ledger.seq
        while self._waiting and self._waiting[0].ledger_seq <= seq:
            self._redeem(self._waiting.pop(0))
        self.ledger.meanwhile = self._meanwhile(decision, self._waiting)
        return self._decide(decision)

    def _conclude(self, decision: BuyEngineDecision) -> BuyEngineDecision | None:
        """Let the order of a decision arrive, on the book that it met; return the decision with its end."""
        name = decision.signal_id
        again = self._begun.pop(name) if name in self._begun else self._begin(decision)
        sent = self._transit.pop_order(name)
        if sent is None:
            return again
        self._prices.met_by(decision)
        self._venue.of(decision)
        return self._engine(decision.inputs).carry_out(sent.arrive())

    def _reserve(self, update: OrderUpdate) -> None:
        """Set aside what an order without an end reserved; its exposures by its market's facts, where any are known."""
        order = update.order
        known = (each.inputs.market for each, _ in self._tape.decisions if each.token_id == order.token_id)
        facts = next((market for market in known if market is not None), None)
        scope = scope_of(order.leader, order.token_id, facts, update.emitted_at_ms, market=order.condition_id)
        used_up = (LedgerRecord(GATHERED, scope.names.gathering, None),) if order.side == "BUY" else ()
        write_id, postings = f"intent:{update.signal_id}", reserve_postings(order, scope)
        self.ledger.commit(
            LedgerWrite(id=write_id, postings=postings, tallies=counted_order(order, scope), records=used_up)
        )

    def _decide(self, recorded: BuyEngineDecision) -> BuyEngineDecision | None:
        self._losses = recorded.inputs.losses or NOTHING_LOST
        self._clock.set(recorded.inputs.now_ms)
        self._prices.of(recorded)
        self._venue.of(recorded)
        self._set_outside(recorded)
        if recorded.exit is not None and recorded.exit.attempt:
            return self._sell(recorded, recorded.exit)
        entry = self._tape.signals.get(recorded.signal_id)
        if entry is None:
            return None
        engine = self._engine(recorded.inputs)
        try:
            event = signal_in(read_event(entry.json))
        except Malformed as error:
            return engine.bury(entry, str(error))
        if recorded.reason.startswith(DEAD_LETTER):
            return engine.bury(entry, recorded.reason.removeprefix(DEAD_LETTER))
        if event is None:
            return None
        outside = recorded.reason in UNJUDGED
        return engine.skip(event, recorded.reason, recorded.rules) if outside else engine.process_actionable(event)

    def _sell(self, recorded: BuyEngineDecision, task: ExitTask) -> BuyEngineDecision | None:
        """Make an exit's attempt again; what set it off, and when, is input."""
        engine, intent = self._engine(recorded.inputs), self._journal.status_of(recorded.signal_id).intent
        if intent:
            self._prices.met_by(recorded)
            return engine.resume(intent)
        self._told.clear()
        engine.sell(task)
        return self._told[-1] if self._told else None

    def _set_outside(self, recorded: BuyEngineDecision) -> None:
        """Set the ledger's number, controls, leader's shares and the lot's exit as they stood: others move them too.

        Not for an order that was under way when the capture began: what its decision saw is older than the header.
        """
        seen = recorded.inputs.portfolio
        if seen is None or recorded.signal_id in self._tape.capture.header.intents:
            return
        self.ledger.seq = seen.seq
        controls = {
            ledger_accounts.HALT: seen.halted,
            ledger_accounts.FLATTEN: seen.flattening,
            ledger_accounts.PAUSE_ALL: seen.paused == "all",
            ledger_accounts.PAUSE_BUYS: seen.paused == "buys",
            sells_only_account(recorded.leader): seen.unfollowed,
        }
        for control in controls:
            self.ledger.values.pop(control, None)
        self.ledger.values.update({control: 1 for control, on in controls.items() if on})
        behind = behind_account(recorded.leader, recorded.token_id)
        self.ledger.values.pop(behind, None)
        self.ledger.values.update({behind: seen.behind} if seen.behind else {})
        self.ledger.put(LedgerRecord(EXITS, lot_key(recorded.leader, recorded.token_id), _json(seen.exit)))

    def _meanwhile(self, recorded: BuyEngineDecision, waiting: list[RedemptionResult]) -> Callable[[], None]:
        """Return what others did between this decision and its intent, which the ledger therefore refused."""
        account = recorded.rules[-1].value.partition("=")[0] if recorded.reason == "ledger" else ""
        if account in NOTES:
            return lambda: self.ledger.values.update({account: 1})
        return lambda: self._redeem(waiting.pop(0)) if account and waiting else None

    def _engine(self, inputs: Inputs) -> BuyExecutor:
        """Return the engine that decides by these limits; the recorded version is named, ours decides."""
        name = (inputs.config_id, inputs.code_version)
        if name not in self._engines:
            limits = self._tape.limits.get(inputs.config_id) or next(iter(self._tape.limits.values()))
            limits = settings.change_limits(limits, self._changes)
            self._engines[name] = BuyExecutor(
                journal=self._journal,
                prices=self._prices,
                venue=self._venue,
                clock=self._clock,
                limits=limits,
                identity=BuyerIdentity("paper", limits.id, inputs.code_version),
                emit=self._told.append,
                transit=self._transit,
                losses=lambda _leader: self._losses,
                stood=lambda _leader, _token_id: self._prices.stood(),
                others=lambda _signal: self._prices.others,
            )
        return self._engines[name]

    def _redeem(self, result: RedemptionResult) -> None:
        """Pay what the market paid on what is held this time: other limits bought other lots."""
        redeem_market(self.ledger, result)


class Recording(OrderTransit):
    """Orders under way in a replay: when each arrives, and what waits for it, is what was recorded."""

    def blocker(self, signal: ActionableSignal, *, leaving: bool) -> str:
        """Return that nothing waits."""
        del signal, leaving
        return ""

    def order_of(self, token_id: str) -> str:
        """Return that no exit waits."""
        del token_id
        return ""


class TapeLedger(MemoryLedger):
    """A ledger to which others may do something right before an intent."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def put(self, record: LedgerRecord) -> None:
        """Set one record as others left it."""
        fields = self._records.setdefault(record.kind, {})
        fields.pop(record.field, None)
        if record.value is not None:
            fields[record.field] = record.value

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step, as the ledger in memory does."""
        if write.id.startswith("intent:"):
            self.meanwhile()
        return super().commit(write)


def _ledger(header: Header) -> TapeLedger:
    ledger = TapeLedger(header.accounts)
    kinds = {kind: getattr(header, kind) for kind in RECORDS}
    records = (LedgerRecord(kind, name, text) for kind, fields in kinds.items() for name, text in fields.items())
    ledger.commit(LedgerWrite(id="capture:header", records=tuple(records)))
    ledger.seq = header.seq
    return ledger


def _json(task: ExitTask | None) -> str | None:
    return write_value(task) if task else None
