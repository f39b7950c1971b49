"""The steps of one order: its intent, then the order, then its end; whatever crashes in between is known from them."""

from collections.abc import Callable

from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope
from buyer.execution.batches.ready_step import Judged, ReadyStep
from buyer.execution.decision_writer import DecisionWriter
from buyer.execution.journal import Journal, unless_moved
from buyer.execution.order_pursuit import OrderPursuit, cancelled
from buyer.execution.order_transit import OrderTransit
from buyer.execution.unresolved_orders import UnresolvedOrders
from buyer.execution.venue_port import Venue
from buyer.strategy.limits import TradingLimits
from buyer.strategy.policy import PolicyDecision, refused_rule
from shared.domain.errors import Malformed
from shared.domain.ledger_write import RefusedWrite, Result, StreamAck, WrittenStep
from shared.domain.market import Book, MarketFacts
from shared.messages.decisions import BuyEngineDecision, Order, Outcome

Resume = Callable[[str, str, StreamAck | None], BuyEngineDecision | None]


class OrderSteps:
    """Makes them: each is ready to be written, and what follows it goes on to the next."""

    def __init__(
        self,
        journal: Journal,
        venue: Venue,
        writer: DecisionWriter,
        pursuit: OrderPursuit,
        unresolved: UnresolvedOrders,
        transit: OrderTransit | None,
        resume: Resume,
    ) -> None:
        self._journal, self._venue, self._writer = journal, venue, writer
        self._pursuit, self._unresolved, self._transit = pursuit, unresolved, transit
        self._resume = resume

    def intent(
        self,
        draft: BuyEngineDecision,
        verdict: PolicyDecision,
        limits: TradingLimits,
        scope: LedgerScope,
        facts: MarketFacts,
        ack: StreamAck | None,
        made_at_ms: int,
    ) -> ReadyStep:
        """Return the step that reserves an order's budget; behind it the order goes out.

        The order does not wait for the rules' texts: they follow from what the intent holds, and join its decision. It
        is signed as of `made_at_ms`.
        """
        order = draft.order
        if order is None:
            raise Malformed(f"the decision on {draft.signal_id} holds no order")
        prepared = self._venue.prepare(order, _on_grid(facts, draft.inputs.book), made_at_ms)

        def end(outcome: Outcome) -> ReadyStep:
            return self._writer.ending(self._writer.ended(draft, verdict, outcome), scope, facts, ack)

        def arrive() -> ReadyStep:
            return self._arrived(draft, order, facts, prepared, end)

        def then(result: Result) -> Judged:
            unless_moved(result)
            if isinstance(result, RefusedWrite):
                return self._refused(draft, verdict, result, ack)
            if not isinstance(result, WrittenStep):
                return self._join(draft.signal_id, ack)
            if self._pursuit.is_too_late(draft):
                return end(cancelled("stale when its turn came"))
            if self._transit is None:
                return arrive()
            self._transit.send(order, arrive)
            return None

        write, held = self._journal.intent(draft, order, scope, limits, prepared), draft.inputs.portfolio
        leaving = held is not None and held.exit is not None  # what is bought beside an exit is kept from it at the end
        return ReadyStep(write, then, at_turn=True, alone=leaving)

    def _arrived(
        self,
        draft: BuyEngineDecision,
        order: Order,
        facts: MarketFacts,
        prepared: str,
        end: Callable[[Outcome], ReadyStep],
    ) -> ReadyStep:
        """Place an order; return the step that ends it, until which it holds its token."""
        with self._unresolved.pursue(draft.signal_id, draft.leader, order.token_id, kept=True) as pursued:
            step = end(self._pursuit.place(order, facts, prepared, pursued))

        def then(result: Result) -> Judged:
            decision = step.then(result)
            self._unresolved.forget(draft.signal_id)
            return decision

        return ReadyStep(step.write, then)

    def _refused(
        self, draft: BuyEngineDecision, verdict: PolicyDecision, intent: RefusedWrite, ack: StreamAck | None
    ) -> ReadyStep:
        """Return the end of a signal whose order the ledger did not let go."""
        no = refused_rule(verdict, intent.account, intent.value, intent.limit)
        names = draft.signal_id, draft.leader, draft.token_id
        refused = self._writer.compose(*names, no, draft.inputs, self._writer.told(no))
        return self._writer.ending(refused, None, None, ack)

    def _join(self, signal_id: str, ack: StreamAck | None) -> BuyEngineDecision | None:
        """Go on with the intent that stands already: what was prepared beside it would be a second order."""
        status = self._journal.status_of(signal_id)
        if status.intent and not status.decided:
            return self._resume(status.intent, status.signed, ack)
        if ack:
            self._journal.acknowledge(signal_id, ack)
        return None


def _on_grid(facts: MarketFacts, book: Book | None) -> MarketFacts:
    """Return the facts with the tick that was decided on: the book knows it first when it changes (pitfall 17)."""
    return facts if book is None or book.tick in (None, facts.tick) else replace(facts, tick=book.tick)
