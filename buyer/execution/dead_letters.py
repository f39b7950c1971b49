"""Entries nobody can handle: kept whole on the dead stream, each with a terminal decision of its own."""

import contextlib

from buyer.execution.decision_writer import DecisionWriter
from buyer.execution.intent_recovery import IntentRecovery
from buyer.execution.journal import Journal, SignalStatus
from buyer.execution.unresolved_orders import UnresolvedOrders
from buyer.strategy.policy import PolicyDecision
from shared.clock import Clock
from shared.domain.errors import Malformed, OutcomeUnknown
from shared.domain.ledger_write import StreamAck
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry, dead_letter

DEAD_LETTER = "dead letter: "
"""The first words of the reason of a buried entry's decision."""


class DeadLetters:
    """Buries entries; an order that an entry's signal has sent is never buried with it."""

    def __init__(
        self,
        journal: Journal,
        writer: DecisionWriter,
        recovery: IntentRecovery,
        unresolved: UnresolvedOrders,
        clock: Clock,
    ) -> None:
        self._journal, self._writer, self._recovery = journal, writer, recovery
        self._unresolved, self._clock = unresolved, clock

    def bury(self, entry: StreamEntry, reason: str, group: str) -> BuyEngineDecision | None:
        """Give an entry its terminal decision, and keep it whole on the dead stream.

        A signal that can be read gets the decision in its own name; what its intent reserved is given back.

        Raises:
            OutcomeUnknown: an order of it may stand.
        """
        letter = dead_letter(entry, reason, self._clock.now_ms())
        ack = StreamAck(entry.stream, group, entry.id)
        signal = _signal_in(entry)
        status = self._journal.status_of(signal.id) if signal else None
        if signal and status and status.intent and not status.decided:
            try:
                parts = self._recovery.read(status.intent, signal)
            except Malformed as error:
                self._refuse_if_signed(signal, status, error)
            else:
                return self._recovery.abandon(parts, status.signed, reason, ack, letter)
        names = (signal.id, signal.leader, signal.token_id) if signal else (_entry_fact(entry), "", "")
        verdict = PolicyDecision("SKIP", f"{DEAD_LETTER}{reason}", (), None)
        decision = self._writer.compose(*names, verdict, Inputs(now_ms=letter.emitted_at_ms))
        return self._writer.bury(decision, letter, ack)

    def _refuse_if_signed(self, signal: ActionableSignal, status: SignalStatus, error: Malformed) -> None:
        """Leave an intent that cannot be read to a person where its order may stand.

        Raises:
            OutcomeUnknown: it was signed.
        """
        if status.signed:
            with self._unresolved.pursue(signal.id, signal.leader, signal.token_id):
                mode = self._writer.identity.mode
                fix = f"`hybrid reconcile --mode {mode} --close {signal.id}` asks the venue and ends it"
                raise OutcomeUnknown(f"signal {signal.id}: {error}; its signed order may stand: {fix}") from error


def _signal_in(entry: StreamEntry) -> ActionableSignal | None:
    with contextlib.suppress(Malformed):
        event = read_event(entry.json)
        return event if isinstance(event, ActionableSignal) else None
    return None


def _entry_fact(entry: StreamEntry) -> str:
    return fact_id("entry", entry.stream, entry.id)
