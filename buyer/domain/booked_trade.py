"""The trade that an order's end books, beside its postings. Pure."""

from buyer.domain.postings import basis_of
from shared.domain.market import MarketFacts
from shared.domain.money import Usdc
from shared.messages.base import Event, fact_id
from shared.messages.decisions import BuyEngineDecision, Order, Outcome, Portfolio
from shared.messages.trades import TradeBooked, trades_stream


def booked_trade(
    decision: BuyEngineDecision, order: Order, outcome: Outcome, facts: MarketFacts, before: Portfolio
) -> tuple[tuple[str, Event], ...]:
    """Return the event of what was filled, with its stream; none where nothing was."""
    if outcome.shares <= 0:
        return ()
    bought = order.side == "BUY"
    cost = outcome.usdc + outcome.fee if bought else Usdc(basis_of(outcome.shares, before))
    trade = TradeBooked(
        id=fact_id("trade", order.id),
        emitted_at_ms=decision.inputs.now_ms,
        mode=decision.mode,
        kind=order.side,
        leader=order.leader,
        token_id=order.token_id,
        condition_id=order.condition_id,
        outcome_index=facts.outcome_index,
        outcome=facts.outcome,
        title=facts.title,
        shares=outcome.shares,
        usdc=outcome.usdc,
        fee=outcome.fee,
        cost=cost,
        realized=Usdc(0) if bought else outcome.usdc - outcome.fee - cost,
        signal_id=decision.signal_id,
        order_id=order.id,
        reason=decision.exit.reason if decision.exit else "",
    )
    return ((trades_stream(decision.mode), trade),)
