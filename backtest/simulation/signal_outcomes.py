"""Outcomes of signals, in the compact form of the result. Pure."""

from backtest.domain.price_model import ModelQuote
from backtest.results.result import SignalOutcome, made_outcome
from backtest.simulation.world.simulated_venue import MetOrder
from shared.messages.decisions import BuyEngineDecision, Order
from shared.messages.signals import ActionableSignal


def skip_outcome(trade: ActionableSignal, reason: str, decided_at_ms: int, quote: ModelQuote) -> SignalOutcome:
    """Return what became of a signal that was not followed."""
    return SignalOutcome(
        signal_id=trade.id,
        leader=trade.leader,
        token_id=trade.token_id,
        condition_id=trade.market.condition_id,
        side=trade.side,
        verdict="SKIP",
        reason=reason,
        traded_at_ms=trade.traded_at_ms,
        decided_at_ms=decided_at_ms,
        filled_at_ms=0,
        leader_price=trade.price,
        limit_price=0,
        middle=quote.middle,
        best=0,
        wanted=0,
        shares=0,
        usdc=0,
        fee=0,
        evidence=quote.evidence,
    )


def order_outcome(
    trade: ActionableSignal | None, decision: BuyEngineDecision, order: Order, met: MetOrder
) -> SignalOutcome:
    """Return what became of an order, by the book it met; an exit's own order and a merge have no leader's price."""
    levels = met.quote.book.against(order.side) if met.quote.book else ()
    refusal = decision.outcome.reason if decision.outcome and not met.filled.shares else ""
    return made_outcome(
        (
            decision.signal_id,
            order.leader,
            order.token_id,
            order.condition_id,
            order.side,
            decision.verdict,
            refusal or decision.reason,
            trade.traded_at_ms if trade else decision.inputs.now_ms,
            decision.inputs.now_ms,
            met.at_ms,
            trade.price if trade and trade.cause == "TRADE" else met.quote.middle,
            order.limit_price,
            met.quote.middle,
            levels[0].price if levels else 0,
            order.shares,
            met.filled.shares,
            met.filled.usdc,
            met.filled.fee,
            met.quote.evidence,
        )
    )
