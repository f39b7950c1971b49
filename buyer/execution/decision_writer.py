"""Decisions on their way out: composed with who made them, concluded in the journal, announced once they stand."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope
from buyer.execution.batches.ready_step import ReadyStep
from buyer.execution.journal import Journal
from buyer.strategy.decision_context import ContextBase
from buyer.strategy.policy import PolicyDecision
from shared.domain.errors import RefusedForSafety
from shared.domain.ledger_write import RefusedWrite, Result, StreamAck, WrittenStep
from shared.domain.market import MarketFacts
from shared.domain.money import from_micro
from shared.domain.trading_words import Mode
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs, Outcome, RuleResult
from shared.messages.service import DeadLetter
from shared.messages.signals import ActionableSignal

Emit = Callable[[BuyEngineDecision], None]


@dataclass(frozen=True)
class BuyerIdentity:
    """The words by which a decision says who made it."""

    mode: Mode
    config_id: str
    code_version: str


class DecisionWriter:
    """Composes decisions and brings them to an end; any thread's, and announced one at a time."""

    def __init__(self, journal: Journal, identity: BuyerIdentity, emit: Emit) -> None:
        self.identity = identity
        self._journal, self._emit = journal, emit
        self._announcing = threading.Lock()

    def inputs_of(self, case: ContextBase) -> Inputs:
        """Return what a case was judged by, as a decision holds it."""
        losses, others = case.asked
        return Inputs(
            now_ms=case.now_ms,
            market=case.market,
            book=case.book,
            portfolio=case.portfolio,
            problems=case.problems,
            config_id=self.identity.config_id,
            code_version=self.identity.code_version,
            losses=losses,
            others=others,
        )

    def told(self, verdict: PolicyDecision) -> tuple[RuleResult, ...]:
        """Return each rule's value as a decision tells it."""
        return tuple(verdict.rules)

    def id_of(self, signal_id: str) -> str:
        """Name the decision on a signal."""
        return fact_id("decision", signal_id)

    def compose(
        self,
        signal_id: str,
        leader: str,
        token_id: str,
        verdict: PolicyDecision,
        inputs: Inputs,
        rules: tuple[RuleResult, ...] = (),
    ) -> BuyEngineDecision:
        """Return the decision on a signal, without an outcome yet."""
        return BuyEngineDecision(
            event="BUY_ENGINE_DECISION",
            version=1,
            id=self.id_of(signal_id),
            emitted_at_ms=inputs.now_ms,
            signal_id=signal_id,
            leader=leader,
            token_id=token_id,
            mode=self.identity.mode,
            verdict=verdict.verdict,
            reason=verdict.reason,
            rules=rules,
            order=verdict.order,
            outcome=None,
            trade=verdict.trade,
            gathered=verdict.gathered,
            exit=verdict.exit,
            sales=verdict.sales,
            inputs=inputs,
        )

    def skip(
        self, signal: ActionableSignal, verdict: PolicyDecision, case: ContextBase, ack: StreamAck | None
    ) -> ReadyStep | None:
        """Return the step that ends a signal without an order, and announces it unless it was decided before."""
        names, rules = (signal.id, signal.leader, signal.token_id), self.told(verdict)
        return self.ending(self.compose(*names, verdict, self.inputs_of(case), rules), None, None, ack)

    def ended(self, draft: BuyEngineDecision, verdict: PolicyDecision, outcome: Outcome) -> BuyEngineDecision:
        """Return a decision with what became of its order."""
        return replace(draft, rules=self.told(verdict), outcome=outcome)

    def conclude(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None,
        facts: MarketFacts | None,
        ack: StreamAck | None,
        letter: DeadLetter | None = None,
    ) -> BuyEngineDecision | None:
        """Write a decision's end and announce it; None where it had ended before.

        Raises:
            RefusedForSafety: its outcome does not fit the ledger.
        """
        return self._ended(decision, self._journal.conclude(decision, scope, facts, ack, letter))

    def ending(
        self, decision: BuyEngineDecision, scope: LedgerScope | None, facts: MarketFacts | None, ack: StreamAck | None
    ) -> ReadyStep:
        """Return the step that writes a decision's end; what follows it raises as `conclude`, and LedgerMoved."""
        write = self._journal.ending(decision, scope, facts, ack)

        def then(result: Result) -> BuyEngineDecision | None:
            return self._ended(decision, self._journal.ended(write, decision, result))

        return ReadyStep(write, then)

    def bury(self, decision: BuyEngineDecision, letter: DeadLetter, ack: StreamAck | None) -> BuyEngineDecision | None:
        """Write a dead letter with its decision and announce that; None where that stood before."""
        result = self._journal.bury(decision, letter, ack)
        return self._announced(decision, written=isinstance(result, WrittenStep))

    def _ended(self, decision: BuyEngineDecision, result: Result) -> BuyEngineDecision | None:
        if isinstance(result, RefusedWrite):
            raise RefusedForSafety(
                f"signal {decision.signal_id}: its outcome would leave {result.account} at {from_micro(result.value)}; "
                "the ledger and the venue disagree, so nothing goes on: compare both before you start again"
            )
        return self._announced(decision, written=isinstance(result, WrittenStep))

    def _announced(self, decision: BuyEngineDecision, *, written: bool) -> BuyEngineDecision | None:
        if not written:
            return None
        with self._announcing:
            self._emit(decision)
        return decision
