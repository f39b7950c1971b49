"""Orders in the journal's records: the decision that an intent or an open order keeps, read back from its text."""

from shared.domain.errors import Malformed
from shared.domain.market import MarketFacts
from shared.messages.decisions import BuyEngineDecision, Order
from shared.messages.events import read_event

IntentParts = tuple[BuyEngineDecision, Order, MarketFacts]
"""The decision so far, its order, and the facts that it was made from."""


def read_intent(text: str) -> IntentParts:
    """Return what an intent holds.

    Raises:
        Malformed: it holds no order.
    """
    draft = read_event(text)
    if not isinstance(draft, BuyEngineDecision) or draft.order is None or draft.inputs.market is None:
        raise Malformed(f"the intent {text[:120]!r} holds no order")
    return draft, draft.order, draft.inputs.market


def read_open_order(text: str) -> BuyEngineDecision:
    """Return the decision that an open order keeps.

    Raises:
        Malformed: it is none.
    """
    event = read_event(text)
    if not isinstance(event, BuyEngineDecision):
        raise Malformed(f"the open order {text[:120]!r} is no decision")
    return event


def order_parts(decision: BuyEngineDecision) -> tuple[Order, MarketFacts]:
    """Return the order of a decision and the facts it was made from.

    Raises:
        Malformed: it holds none.
    """
    if decision.order is None or decision.inputs.market is None:
        raise Malformed(f"the decision on {decision.signal_id} holds no order")
    return decision.order, decision.inputs.market
