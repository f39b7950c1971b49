"""The decisions of a run: orders as the live buyer writes them, without texts that nobody reads; skips only told."""

from collections.abc import Callable

from buyer.execution.batches.ready_step import ReadyStep
from buyer.execution.decision_writer import BuyerIdentity, DecisionWriter, Emit
from buyer.execution.journal import Journal
from buyer.strategy.decision_context import ContextBase
from buyer.strategy.policy import PolicyDecision
from shared.domain.ledger_write import StreamAck
from shared.messages.decisions import RuleResult
from shared.messages.signals import ActionableSignal


class RunWriter(DecisionWriter):
    """Writes what moves the ledger."""

    def __init__(
        self,
        journal: Journal,
        identity: BuyerIdentity,
        emit: Emit,
        skipped: Callable[[ActionableSignal, str], None],
    ) -> None:
        super().__init__(journal, identity, emit)
        self._skipped = skipped

    def id_of(self, signal_id: str) -> str:
        """Return the signal's own: nobody reads it."""
        return signal_id

    def told(self, verdict: PolicyDecision) -> tuple[RuleResult, ...]:
        """Return nothing: nobody reads it."""
        del verdict
        return ()

    def skip(
        self, signal: ActionableSignal, verdict: PolicyDecision, case: ContextBase, ack: StreamAck | None
    ) -> ReadyStep | None:
        """Tell of a skip; write its decision only where something follows from it."""
        if not verdict.idle:
            return super().skip(signal, verdict, case, ack)
        self._skipped(signal, verdict.reason)
        return None
