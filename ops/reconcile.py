"""`hybrid reconcile`: what is reserved and not finished, and the word of a person where nobody else can decide."""

import contextlib
from dataclasses import dataclass
from decimal import Decimal

from redis import Redis

from buyer.bankroll import Mode
from buyer.layout import held_by
from buyer.recovery import NOBODY
from buyer.settling import Settling
from ops import intents
from ops.controls import who
from shared.accounts import Lot
from shared.clock import Clock
from shared.errors import BadConfig, Malformed
from shared.events import BuyEngineDecision, read_event
from shared.ledger import Ledger, RedisLedger, open_lots
from shared.ledger_records import INTENTS, ORDERS
from shared.money import from_micro
from shared.plain_text import plain


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


def close(redis: Redis, mode: Mode, name: str, why: str, now_ms: int) -> str:
    """End an order that the venue shows no trade of, or an intent: its budget goes back. Return what was done.

    Raises:
        BadConfig: no such order or intent is open, or its buyer runs and may be sending it.
    """
    ledger, reason = RedisLedger(redis, mode), f"closed by {who()}: {why}"
    if text := ledger.records(ORDERS).get(name):
        done = _close_order(ledger, name, text, reason)
        return "closed, its budget is free again" if done else "had ended before"
    text = ledger.records(INTENTS).get(name)
    if text is None:
        raise BadConfig(f"--close {name}: no such order or intent is open; `hybrid reconcile` lists them")
    draft = intents.draft_in(text)
    if draft is None:
        return intents.strike(ledger, mode, name, text, reason, now_ms)
    if any(held_by(redis, mode).values()):
        raise BadConfig(f"--close {name}: the {mode} buyer runs and finishes it, or may be sending it: stop it first")
    return intents.cancel(ledger, draft, reason)


def _close_order(ledger: Ledger, order_id: str, text: str, reason: str) -> bool:
    decision = _decision(text)
    if decision is None or decision.outcome is None:
        raise BadConfig(f"--close {order_id}: its record cannot be read; keep it and ask for help")
    nothing = {name: Decimal(0) for name in ("shares", "usdc", "fee")}
    ended = decision.outcome.model_copy(update={**nothing, "state": "CANCELLED", "reason": reason})
    return Settling(ledger, lambda: None).settle(decision, ended)


def main(redis: Redis, mode: Mode, clock: Clock, closing: str, why: str) -> list[str]:
    """Close what was asked for, then return the lines to show."""
    if closing:
        return [f"{closing}: {close(redis, mode, closing, why, clock.now_ms())}"]
    ledger = RedisLedger(redis, mode)
    rows = [_line(row) for row in unfinished(ledger, clock.now_ms())] or ["nothing is open: every order has ended"]
    return [*rows, *(_adopted(lot) for lot in open_lots(ledger) if lot.leader == NOBODY)]


def _adopted(lot: Lot) -> str:
    shares, cost = from_micro(lot.shares), from_micro(lot.cost)
    what = f"{shares} shares of {plain(lot.title or lot.condition_id)}, cost {cost}, token {lot.token_id}"
    ends = "triggers, `hybrid flatten` and its redemption end it, no leader's sell does"
    return f"lot     of a fill that only the chain knew\n        {what}: {ends}"


def _line(row: Unfinished) -> str:
    name = row.order_hash or "not known to be sent"
    said = plain(f"{row.text}, {row.age_s} s ago; hash {name}; signal {row.signal_id}")
    return f"{row.kind:<7} {plain(row.id)}\n        {said}"


def _read(kind: str, name: str, text: str, now_ms: int) -> Unfinished:
    decision = _decision(text)
    if decision is None or decision.order is None:
        return Unfinished(kind, name, "", name, "cannot be read; what it reserved stays reserved until --close", 0)
    order, outcome = decision.order, decision.outcome
    said = f"{order.side} {order.shares} at {order.limit_price} for {order.leader}"
    age_s = (now_ms - decision.inputs.now_ms) // 1000
    return Unfinished(kind, name, outcome.order_hash if outcome else "", decision.signal_id, said, age_s)


def _decision(text: str) -> BuyEngineDecision | None:
    with contextlib.suppress(Malformed):
        event = read_event(text)
        return event if isinstance(event, BuyEngineDecision) else None
    return None
