"""A captured stream through the same buyer, in the ledger's order.

What the outside did is taken from the capture: the clock, the markets and books, the kill switch, redemptions, crashes.
What the buyer did is done again, balances included, and must come out the same, byte for byte.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from backtest import settings
from backtest.pace import Pace
from backtest.recorded import RecordedPrices, RecordedVenue
from backtest.redemptions import redeem
from backtest.tape import Tape
from buyer.engine import DEAD_LETTER, Engine, Identity
from buyer.journal import Journal
from buyer.venue.paper import PaperVenue
from shared import accounts
from shared.accounts import lot_key
from shared.capture import Header
from shared.clock import ManualClock
from shared.errors import Malformed
from shared.events import (
    ActionableSignal,
    BuyEngineDecision,
    ExitTask,
    Inputs,
    RedemptionResult,
    read_event,
    write_event,
)
from shared.ledger import MemoryLedger
from shared.ledger_records import EXITS, GATHERED, INTENTS, LOTS
from shared.switch import NOTES
from shared.writes import Record, Result, Write


@dataclass(frozen=True)
class Replayed:
    """One decision made again, beside the recorded one (both as JSON)."""

    decision: BuyEngineDecision
    text: str
    recorded: str

    @property
    def same(self) -> bool:
        """Say whether both are the same bytes."""
        return self.text == self.recorded


class Replay:
    """The live engine over a ledger in memory, a clock that is set, and recorded books."""

    def __init__(self, tape: Tape, changes: Mapping[str, object] | None = None) -> None:
        self._tape, self._changes = tape, dict(changes or {})
        header = tape.capture.header
        self.ledger = _ledger(header)
        self._clock = ManualClock(header.started_at_ms)
        self._prices = RecordedPrices()
        paper = PaperVenue(self._prices, clock=self._clock, stop=threading.Event())
        self._venue = RecordedVenue(paper)
        self._journal = Journal(self.ledger, lambda: None)
        self._engines: dict[tuple[str, str], Engine] = {}
        self._told: list[BuyEngineDecision] = []
        if not header.accounts:
            self._journal.deposit(tape.bankroll)

    def run(self, pace: Pace | None = None) -> Iterator[Replayed]:
        """Yield each recorded decision, made again; `pace` waits until its time has come."""
        waiting = list(self._tape.redemptions)
        for decision, text in self._tape.decisions:
            if pace:
                pace.wait_for(decision.inputs.now_ms)
            seq = decision.inputs.portfolio.seq if decision.inputs.portfolio else self.ledger.seq
            while waiting and waiting[0].ledger_seq <= seq:
                self._redeem(waiting.pop(0))
            self.ledger.meanwhile = self._meanwhile(decision, waiting)
            again = self._decide(decision)
            if again is not None:
                yield Replayed(again, write_event(again), text)
        for result in waiting:
            self._redeem(result)

    def _decide(self, recorded: BuyEngineDecision) -> BuyEngineDecision | None:
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
            event = read_event(entry.json)
        except Malformed as error:
            return engine.bury(entry, str(error))
        if recorded.reason.startswith(DEAD_LETTER):
            return engine.bury(entry, recorded.reason.removeprefix(DEAD_LETTER))
        return engine.handle(event) if isinstance(event, ActionableSignal) else None

    def _sell(self, recorded: BuyEngineDecision, task: ExitTask) -> BuyEngineDecision | None:
        """Make an exit's attempt again; what set it off, and when, is input."""
        engine, intent = self._engine(recorded.inputs), self._journal.known(recorded.signal_id).intent
        if intent:
            return engine.resume(intent)
        self._told.clear()
        engine.sell(task)
        return self._told[-1] if self._told else None

    def _set_outside(self, recorded: BuyEngineDecision) -> None:
        """Set the ledger's number, the controls and the lot's exit as they stood: others move them too."""
        seen = recorded.inputs.portfolio
        if seen is None:
            return
        self.ledger.seq = seen.seq
        controls = {
            accounts.HALT: seen.halted,
            accounts.FLATTEN: seen.flattening,
            accounts.PAUSE_ALL: seen.paused == "all",
            accounts.PAUSE_BUYS: seen.paused == "buys",
        }
        for control in controls:
            self.ledger.values.pop(control, None)
        self.ledger.values.update({control: 1 for control, on in controls.items() if on})
        self.ledger.put(Record(EXITS, lot_key(recorded.leader, recorded.token_id), _json(seen.exit)))

    def _meanwhile(self, recorded: BuyEngineDecision, waiting: list[RedemptionResult]) -> Callable[[], None]:
        """Return what others did between this decision and its intent, which the ledger therefore refused."""
        account = recorded.rules[-1].value.partition("=")[0] if recorded.reason == "ledger" else ""
        if account in NOTES:
            return lambda: self.ledger.values.update({account: 1})
        return lambda: self._redeem(waiting.pop(0)) if account and waiting else None

    def _engine(self, inputs: Inputs) -> Engine:
        """Return the engine that decides by these limits; the recorded version is named, ours decides."""
        name = (inputs.config_id, inputs.code_version)
        if name not in self._engines:
            limits = self._tape.limits.get(inputs.config_id) or next(iter(self._tape.limits.values()))
            limits = settings.changed(limits, self._changes)
            self._engines[name] = Engine(
                journal=self._journal,
                prices=self._prices,
                venue=self._venue,
                clock=self._clock,
                limits=limits,
                identity=Identity("paper", limits.id, inputs.code_version),
                emit=self._told.append,
            )
        return self._engines[name]

    def _redeem(self, result: RedemptionResult) -> None:
        """Pay what the market paid on what is held this time: other limits bought other lots."""
        redeem(self.ledger, result)


class TapeLedger(MemoryLedger):
    """A ledger to which others may do something right before an intent."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    def put(self, record: Record) -> None:
        """Set one record as others left it."""
        fields = self._records.setdefault(record.kind, {})
        fields.pop(record.field, None)
        if record.value is not None:
            fields[record.field] = record.value

    def commit(self, write: Write) -> Result:
        """Carry out one step, as the ledger in memory does."""
        if write.id.startswith("intent:"):
            self.meanwhile()
        return super().commit(write)


def _ledger(header: Header) -> TapeLedger:
    ledger = TapeLedger(header.accounts)
    kinds = {LOTS: header.lots, INTENTS: header.intents, EXITS: header.exits, GATHERED: header.gathered}
    records = (Record(kind, name, text) for kind, fields in kinds.items() for name, text in fields.items())
    ledger.commit(Write(id="capture:header", records=tuple(records)))
    ledger.seq = header.seq
    return ledger


def _json(task: ExitTask | None) -> str | None:
    return task.model_dump_json() if task else None
