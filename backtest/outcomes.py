"""What became of a signal or an order, as the result and the ledger want it. Pure."""

from backtest.quotes import Quote, price_micro
from backtest.result import SignalOutcome
from buyer.fills import Filled
from shared.events import ActionableSignal, Order, Outcome
from shared.market import MarketFacts
from shared.money import from_micro, to_micro


def settled(filled: Filled, refusal: str) -> Outcome:
    """Return what the venue said, as the ledger posts it."""
    return Outcome(
        state="REJECTED" if refusal else "MATCHED",
        shares=from_micro(filled.shares),
        usdc=from_micro(filled.usdc),
        fee=from_micro(filled.fee),
        reason=refusal,
    )


def outcome_of(
    signal: ActionableSignal, verdict: str, reason: str, facts: MarketFacts, now_ms: int, quote: Quote
) -> SignalOutcome:
    """Return what became of a signal; the order's part is empty."""
    return SignalOutcome(
        signal.id,
        signal.leader,
        signal.token_id,
        facts.condition_id,
        signal.side,
        verdict,
        reason,
        signal.traded_at_ms,
        now_ms,
        0,
        price_micro(signal.price),
        0,
        price_micro(quote.middle),
        0,
        0,
        0,
        0,
        0,
        quote.evidence,
    )


def with_order(outcome: SignalOutcome, order: Order, filled: Filled, quote: Quote, at_ms: int) -> SignalOutcome:
    """Add what the order got from the book it met at `at_ms`."""
    levels = quote.book.against(order.side) if quote.book else ()
    return outcome._replace(
        filled_at_ms=at_ms,
        limit_price=price_micro(order.limit_price),
        middle=price_micro(quote.middle),
        best=price_micro(levels[0].price) if levels else 0,
        wanted=to_micro(order.shares),
        shares=filled.shares,
        usdc=filled.usdc,
        fee=filled.fee,
    )
