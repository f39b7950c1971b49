"""One order at the venue: placed, found again, sent again, or given up once it cannot stand any more."""

from buyer.execution.journal import CONCLUDED, Journal
from buyer.execution.order_transit import OrderTransit
from buyer.execution.unresolved_orders import UnresolvedOrder
from buyer.execution.venue_port import Venue
from buyer.strategy.limits import TradingLimits
from shared.clock import Clock
from shared.domain.errors import OutcomeUnknown
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.messages.decisions import BuyEngineDecision, Order, Outcome


class OrderPursuit:
    """Brings an order to its outcome, or says that it is not known yet."""

    def __init__(
        self, journal: Journal, venue: Venue, clock: Clock, limits: TradingLimits, transit: OrderTransit | None
    ) -> None:
        self._journal, self._venue, self._clock = journal, venue, clock
        self._limits, self._transit = limits, transit

    def find(self, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder) -> Outcome | None:
        """Return what the venue shows of an order; that it shows nothing is counted."""
        outcome = self._venue.find(order, facts, signed)
        pursued.answered = True
        pursued.absence.answers += outcome is None
        return outcome

    def place(self, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder) -> Outcome:
        """Send it; from an answer that does not come on, the venue has time to show it."""
        try:
            return self._venue.place(order, facts, signed)
        except Exception:
            pursued.absence.again(self._clock.monotonic())
            raise

    def send_again(
        self, draft: BuyEngineDecision, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder
    ) -> Outcome:
        """Place what the venue does not show, unless it may not go out any more; asked at its turn: that can take long.

        That it is refused now does not say what became of it before.

        Raises:
            OutcomeUnknown: it may stand.
        """
        if pursued.refused is None:
            self._journal.wait_for_turn()
            self._journal.confirm_intent(draft.signal_id)
            stopped = self._journal.stop_reason(draft.signal_id, order.side)
            if stopped == CONCLUDED:
                return cancelled(f"{stopped} had concluded it when the buyer came back")
            if stopped:
                return self.give_up(draft, signed, pursued, cancelled(f"{stopped} was on when the buyer came back"))
            if self.is_too_late(draft):
                return self.give_up(draft, signed, pursued, cancelled("stale when the buyer came back"))
            if self._transit is not None:
                self._transit.wait_out(draft.inputs.now_ms)
            outcome = self.place(order, facts, signed, pursued)
            if outcome.state != "REJECTED":
                return outcome
            pursued.refused = outcome
        return self.give_up(draft, signed, pursued, pursued.refused)

    def give_up(self, draft: BuyEngineDecision, signed: str, pursued: UnresolvedOrder, outcome: Outcome) -> Outcome:
        """Return `outcome` for an order that the venue, asked often and long enough, does not show (pitfall 20).

        Raises:
            OutcomeUnknown: it is too early to tell.
        """
        if signed and not pursued.absence.is_certain(self._clock.monotonic()):
            raise OutcomeUnknown(f"signal {draft.signal_id}: its order may still come to be shown by the venue")
        return outcome

    def is_too_late(self, draft: BuyEngineDecision) -> bool:
        """Say whether too much time has passed since the decision for its order to go out."""
        age_ms = self._clock.now_ms() - draft.inputs.now_ms
        return age_ms > self._limits.of(draft.leader).max_signal_age_s * 1000


def cancelled(reason: str) -> Outcome:
    """Return the outcome of an order that never went out."""
    return Outcome(state="CANCELLED", shares=Shares(0), usdc=Usdc(0), fee=Usdc(0), reason=reason)
