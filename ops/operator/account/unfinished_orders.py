"""Orders and intents that have not ended: they hold a budget, or shares, until somebody ends them."""

import contextlib
from dataclasses import dataclass

from buyer.venue.polymarket.wire.signed_order import SignedOrder
from shared.domain.errors import Malformed
from shared.domain.money import micro_text
from shared.domain.record_kinds import INTENTS, ORDERS, SIGNED
from shared.ledger.port import Ledger
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event


@dataclass(frozen=True)
class UnfinishedIntent:
    """An order that holds a budget (or shares) and has not ended; `kind` says how far it got."""

    kind: str
    id: str
    order_hash: str
    signal_id: str
    text: str
    age_s: int


def unfinished(ledger: Ledger, now_ms: int) -> list[UnfinishedIntent]:
    """Return every intent without an outcome and every order that can still fail, oldest first."""
    signed = ledger.records(SIGNED)
    found = [
        _read(kind, name, text, now_ms, signed.get(name, ""))
        for kind in (INTENTS, ORDERS)
        for name, text in ledger.records(kind).items()
    ]
    return sorted(found, key=lambda one: -one.age_s)


def decision_of(text: str) -> BuyEngineDecision | None:
    """Return the decision that a record holds; None of one that cannot be read."""
    with contextlib.suppress(Malformed):
        event = read_event(text)
        return event if isinstance(event, BuyEngineDecision) else None
    return None


def _read(kind: str, name: str, text: str, now_ms: int, signed: str) -> UnfinishedIntent:
    decision, order_hash = decision_of(text), _hash_in(signed)
    if decision is None or decision.order is None:
        unread = "cannot be read; what it reserved stays reserved until --close"
        return UnfinishedIntent(kind, name, order_hash, name, unread, 0)
    order, outcome = decision.order, decision.outcome
    said = f"{order.side} {micro_text(order.shares)} at {micro_text(order.limit_price)} for {order.leader}"
    age_s = (now_ms - decision.inputs.now_ms) // 1000
    return UnfinishedIntent(kind, name, outcome.order_hash if outcome else order_hash, decision.signal_id, said, age_s)


def _hash_in(signed: str) -> str:
    """Return the venue's name of an order by the bytes that were signed, '' where none were."""
    with contextlib.suppress(Malformed):
        return SignedOrder.of(signed).hash if signed else ""
    return "of bytes that cannot be read"
