"""A captured stream through the same buyer, in the ledger's order.

What the outside did is taken from the capture: the clock, the markets and books, the kill switch, redemptions, crashes.
What the buyer did is done again, balances included, and must come out the same, byte for byte.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from backtest.recorded import RecordedPrices, RecordedVenue
from buyer.engine import Engine, Identity
from buyer.journal import Journal
from buyer.limits import Limits
from buyer.venue.paper import PaperVenue
from shared import accounts
from shared.capture import Capture
from shared.clock import ManualClock
from shared.errors import BadConfig, Malformed
from shared.events import (
    DECISIONS,
    REDEMPTIONS,
    SIGNALS,
    ActionableSignal,
    BuyEngineDecision,
    RedemptionResult,
    ServiceStart,
    fact_id,
    read_event,
    write_event,
)
from shared.ledger import MemoryLedger
from shared.life import code_version
from shared.money import to_micro
from shared.streams import Entry


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


@dataclass(frozen=True)
class Tape:
    """A capture, sorted into what replay needs."""

    capture: Capture
    signals: Mapping[str, Entry]
    decisions: tuple[tuple[BuyEngineDecision, str], ...]
    redemptions: tuple[RedemptionResult, ...]
    limits: Mapping[str, Limits]
    bankroll: int


def read_tape(capture: Capture) -> Tape:
    """Sort a capture's entries.

    Raises:
        BadConfig: it holds no settings of a buyer, so nobody can tell what was decided by.
    """
    signals: dict[str, Entry] = {}
    decisions: list[tuple[BuyEngineDecision, str]] = []
    redemptions: list[RedemptionResult] = []
    configs: list[Mapping[str, object]] = []
    for entry in capture:
        event = _event(entry)
        if entry.stream == SIGNALS:
            known = event.id if isinstance(event, ActionableSignal) else fact_id("entry", entry.stream, entry.id)
            signals.setdefault(known, entry)
        if isinstance(event, BuyEngineDecision) and entry.stream == DECISIONS:
            decisions.append((event, entry.json))
        elif isinstance(event, RedemptionResult) and entry.stream == REDEMPTIONS:
            redemptions.append(event)
        elif isinstance(event, ServiceStart):
            configs += _buyer_configs(event)
    if not configs:
        raise BadConfig(f"{capture.path}: no SERVICE_START of a buyer in it; capture from the start: --from-start")
    limits = [Limits.model_validate({name: config[name] for name in Limits.model_fields}) for config in configs]
    return Tape(
        capture=capture,
        signals=signals,
        decisions=tuple(decisions),
        redemptions=tuple(sorted(redemptions, key=lambda result: result.ledger_seq)),
        limits={limit.id: limit for limit in limits},
        bankroll=to_micro(str(configs[0]["paper_bankroll_usdc"])),
    )


class Replay:
    """The live engine over a ledger in memory, a clock that is set, and recorded books."""

    def __init__(self, tape: Tape, changes: Mapping[str, object] | None = None) -> None:
        self._tape, self._changes = tape, dict(changes or {})
        header = tape.capture.header
        self.ledger = MemoryLedger(header.accounts, header.seq)
        self._clock = ManualClock(header.started_at_ms)
        self._prices = RecordedPrices()
        paper = PaperVenue(self._prices, clock=self._clock, stop=threading.Event())
        self._venue = RecordedVenue(paper)
        self._journal = Journal(self.ledger, lambda: None)
        self._engines: dict[str, Engine] = {}
        if not header.accounts:
            self._journal.deposit(tape.bankroll)

    def run(self) -> Iterator[Replayed]:
        """Yield each recorded decision, made again."""
        waiting = list(self._tape.redemptions)
        for decision, text in self._tape.decisions:
            seq = decision.inputs.portfolio.seq if decision.inputs.portfolio else self.ledger.seq
            while waiting and waiting[0].ledger_seq <= seq:
                self._redeem(waiting.pop(0))
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
        entry = self._tape.signals.get(recorded.signal_id)
        if entry is None:
            return None
        engine = self._engine(recorded.inputs.config_id)
        try:
            event = read_event(entry.json)
        except Malformed as error:
            return engine.bury(entry, str(error))
        return engine.handle(event) if isinstance(event, ActionableSignal) else None

    def _set_outside(self, recorded: BuyEngineDecision) -> None:
        """Set the ledger's number and the kill switch as they stood: others move them too."""
        portfolio = recorded.inputs.portfolio
        if portfolio is not None:
            self.ledger.seq = portfolio.seq
            self.ledger.values.pop(accounts.HALT, None)
            if portfolio.halted:
                self.ledger.values[accounts.HALT] = 1

    def _engine(self, config_id: str) -> Engine:
        if config_id not in self._engines:
            limits = self._tape.limits.get(config_id) or next(iter(self._tape.limits.values()))
            limits = Limits.model_validate({**limits.model_dump(), **self._changes})
            self._engines[config_id] = Engine(
                journal=self._journal,
                prices=self._prices,
                venue=self._venue,
                clock=self._clock,
                limits=limits,
                identity=Identity("paper", limits.id, code_version()),
                emit=lambda _: None,
            )
        return self._engines[config_id]

    def _redeem(self, result: RedemptionResult) -> None:
        """Post what the redeemer posted; a lot that was not bought this time (other limits) brings nothing."""
        for account, delta in accounts.redemption_postings(result):
            self.ledger.values[account] = self.ledger.values.get(account, 0) + delta
            if not self.ledger.values[account]:
                del self.ledger.values[account]


def _event(entry: Entry) -> object:
    try:
        return read_event(entry.json)
    except Malformed:
        return None


def _buyer_configs(event: ServiceStart) -> list[Mapping[str, object]]:
    found = [event.config, event.config.get("buyer")]
    return [config for config in found if isinstance(config, dict) and "stake_usdc" in config]
