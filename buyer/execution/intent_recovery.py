"""The end of an intent that a crash, or a venue without an answer, left without one."""

from collections.abc import Callable

from msgspec.structs import replace

from buyer.domain.ledger_scope import scope_of_draft
from buyer.execution.decision_writer import DecisionWriter
from buyer.execution.intent_codec import IntentParts, read_intent
from buyer.execution.order_pursuit import OrderPursuit, cancelled
from buyer.execution.unresolved_orders import UnresolvedOrders
from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.limits import TradingLimits
from buyer.strategy.policy import decide_signal
from shared.domain.ledger_write import StreamAck
from shared.messages.decisions import BuyEngineDecision
from shared.messages.service import DeadLetter
from shared.messages.signals import ActionableSignal


class IntentRecovery:
    """Looks for an intent's order first, as it may stand; sends it again or gives it up only where it does not."""

    def __init__(
        self,
        writer: DecisionWriter,
        pursuit: OrderPursuit,
        unresolved: UnresolvedOrders,
        limits: TradingLimits,
        signal_of: Callable[[str], ActionableSignal | None],
    ) -> None:
        self._writer, self._pursuit, self._unresolved = writer, pursuit, unresolved
        self._limits, self._signal_of = limits, signal_of

    def resume(
        self, intent: str, signed: str = "", ack: StreamAck | None = None, signal: ActionableSignal | None = None
    ) -> BuyEngineDecision | None:
        """Finish an intent without an outcome; what was sent may stand, so it is looked for first.

        Raises:
            OutcomeUnknown: it may still stand; its token waits until it is asked for again.
        """
        draft, order, facts = self.read(intent, signal)
        with self._unresolved.pursue(draft.signal_id, draft.leader, order.token_id) as pursued:
            outcome = self._pursuit.find(order, facts, signed, pursued)
            outcome = outcome or self._pursuit.send_again(draft, order, facts, signed, pursued)
            ended = replace(draft, outcome=outcome)
            return self._writer.conclude(ended, scope_of_draft(draft), facts, ack)

    def abandon(
        self,
        parts: IntentParts,
        signed: str,
        reason: str,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> BuyEngineDecision | None:
        """Conclude an intent by what became of its order at the venue; cancelled only where that never was.

        Raises:
            OutcomeUnknown: its order may still stand.
        """
        draft, order, facts = parts
        with self._unresolved.pursue(draft.signal_id, draft.leader, order.token_id) as pursued:
            outcome = self._pursuit.find(order, facts, signed, pursued)
            outcome = outcome or self._pursuit.give_up(draft, signed, pursued, cancelled(reason))
            ended = replace(draft, outcome=outcome)
            return self._writer.conclude(ended, scope_of_draft(draft), facts, ack, letter)

    def read(self, intent: str, signal: ActionableSignal | None = None) -> IntentParts:
        """Return what an intent holds, with its rules judged again where it was written before they were.

        They are left out when nobody finds the signal, or when limits or code are not those of the decision.

        Raises:
            Malformed: it holds no order.
        """
        draft, order, facts = read_intent(intent)
        inputs, ours = draft.inputs, self._writer.identity
        same = (inputs.config_id, inputs.code_version) == (ours.config_id, ours.code_version)
        if draft.rules or not same:
            return draft, order, facts
        signal = signal or self._signal_of(draft.signal_id)
        if signal is None:
            return draft, order, facts
        limits = self._limits.of(draft.leader)
        observed = (inputs.market, inputs.book, inputs.portfolio, limits, inputs.now_ms, inputs.problems)
        losses = (lambda found=inputs.losses: found) if inputs.losses else None
        case = DecisionContext(*observed, signal, losses, lambda: inputs.others)
        return replace(draft, rules=tuple(decide_signal(case).rules)), order, facts
