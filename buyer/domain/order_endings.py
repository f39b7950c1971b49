"""Live orders that wait for their end, and ends that are found: values on their way through the settlement. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from buyer.domain.order_result import OwnTrade, summed_trades
from shared.messages.decisions import BuyEngineDecision, Outcome


@dataclass(frozen=True)
class WaitingOrder:
    """An order whose trades can still fail."""

    decision: BuyEngineDecision
    before: Outcome

    def age_s(self, now_ms: int) -> float:
        """Return how long ago it was decided."""
        return (now_ms - self.decision.inputs.now_ms) / 1000


@dataclass(frozen=True)
class OrderEnding:
    """An order whose trades are terminal; `told` when only the feed says so."""

    order_id: str
    waiting: WaitingOrder
    outcome: Outcome
    trades: Sequence[OwnTrade] = ()
    told: bool = False

    @property
    def confirmed(self) -> list[tuple[str, OwnTrade]]:
        """Return its confirmed trades, each with the order's hash."""
        return [(self.waiting.before.order_hash, trade) for trade in self.trades if trade.state == "CONFIRMED"]

    @property
    def needs_chain(self) -> bool:
        """Say whether the venue's own numbers are not enough: the feed alone told it, or one is blank."""
        return self.told or any(not trade.sized for _, trade in self.confirmed)


def on_chain(end: OrderEnding, chain: Mapping[str, OwnTrade]) -> Outcome | None:
    """Return the end as the chain booked it; what only the feed told, or has no numbers, must be there."""
    if not end.trades:
        return end.outcome
    if any(trade.id not in chain for _, trade in end.confirmed if end.told or not trade.sized):
        return None
    return summed_trades(end.waiting.before, [chain.get(trade.id, trade) for trade in end.trades])
