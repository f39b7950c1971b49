"""`hybrid reconcile`: what is reserved and not finished, and the word of a person where nobody else can decide."""

import contextlib
from dataclasses import dataclass
from decimal import Decimal

from redis import Redis

from buyer.settling import Settling
from ops.controls import who
from shared.clock import Clock
from shared.errors import BadConfig, Malformed
from shared.events import BuyEngineDecision, read_event
from shared.ledger import Ledger, RedisLedger
from shared.ledger_records import INTENTS, ORDERS


@dataclass(frozen=True)
class Unfinished:
    """An order that holds a budget (or shares) and has not ended; `kind` says how far it got."""

    kind: str
    id: str
    order_hash: str
    signal_id: str
    text: str
    age_s: int


def unfinished(ledger: Ledger, now_ms: int) -> list[Unfinished]:
    """Return every intent without an outcome and every order that can still fail, oldest first."""
    found = [
        _read(kind, name, text, now_ms) for kind in (INTENTS, ORDERS) for name, text in ledger.records(kind).items()
    ]
    return sorted(found, key=lambda one: -one.age_s)


def close(redis: Redis, mode: str, order_id: str, why: str) -> bool:
    """End an order that the venue shows no trade of: its budget goes back. Return False when it had ended.

    Raises:
        BadConfig: no such order is open.
    """
    ledger = RedisLedger(redis, mode)
    text = ledger.records(ORDERS).get(order_id)
    if text is None:
        raise BadConfig(f"--close {order_id}: no such order is open; `hybrid reconcile` lists them")
    decision = _decision(text)
    if decision is None or decision.outcome is None:
        raise BadConfig(f"--close {order_id}: its record cannot be read; keep it and ask for help")
    nothing = {name: Decimal(0) for name in ("shares", "usdc", "fee")}
    reason = f"closed by {who()}: {why}"
    ended = decision.outcome.model_copy(update={**nothing, "state": "CANCELLED", "reason": reason})
    return Settling(ledger, lambda: None).settle(decision, ended)


def main(redis: Redis, mode: str, clock: Clock, closing: str, why: str) -> list[str]:
    """Close what was asked for, then return the lines to show."""
    if closing:
        done = close(redis, mode, closing, why)
        return [f"{closing}: {'closed, its budget is free again' if done else 'had ended before'}"]
    rows = unfinished(RedisLedger(redis, mode), clock.now_ms())
    return [_line(row) for row in rows] or ["nothing is open: every order has ended"]


def _line(row: Unfinished) -> str:
    name = row.order_hash or "not known to be sent"
    return f"{row.kind:<7} {row.id}\n        {row.text}, {row.age_s} s ago; hash {name}; signal {row.signal_id}"


def _read(kind: str, name: str, text: str, now_ms: int) -> Unfinished:
    decision = _decision(text)
    if decision is None or decision.order is None:
        return Unfinished(kind, name, "", name, "cannot be read; its budget stays reserved", 0)
    order, outcome = decision.order, decision.outcome
    said = f"{order.side} {order.shares} at {order.limit_price} for {order.leader}"
    age_s = (now_ms - decision.inputs.now_ms) // 1000
    return Unfinished(kind, name, outcome.order_hash if outcome else "", decision.signal_id, said, age_s)


def _decision(text: str) -> BuyEngineDecision | None:
    with contextlib.suppress(Malformed):
        event = read_event(text)
        return event if isinstance(event, BuyEngineDecision) else None
    return None
