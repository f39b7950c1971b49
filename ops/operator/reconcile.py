"""`hybrid reconcile`: what is reserved and not finished, and the word of a person where nobody else can decide."""

from collections.abc import Callable

from msgspec.structs import replace
from redis import Redis

from buyer.recovery.chain_reconciliation import NOBODY
from buyer.settlement.writer import SettlementWriter
from buyer.sharding.shard_leases import shard_holders
from buyer.venue.polymarket.wire.signed_order import SignedOrder
from ops.operator import intents
from ops.operator.account.unfinished_orders import UnfinishedIntent, decision_of, unfinished
from ops.operator.controls import who
from ops.operator.venue_check import VenueLook, VenueWord, no_venue
from ops.operator.wallet_gaps import gap_lines
from shared.clock import Clock
from shared.domain.errors import BadConfig, Malformed
from shared.domain.ledger_accounts import Lot
from shared.domain.money import Shares, Usdc, from_micro
from shared.domain.plain_text import make_plain
from shared.domain.record_kinds import INTENTS, ORDERS, SIGNED
from shared.domain.trading_words import Mode
from shared.ledger.port import Ledger, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.decisions import BuyEngineDecision


def close(redis: Redis, mode: Mode, name: str, why: str, clock: Clock, ask: Callable[[], VenueLook] = no_venue) -> str:
    """End an order or intent that the venue shows no trade of: its budget goes back. Return what was done.

    Args:
        redis: The ledger's server.
        mode: Whose ledger.
        name: The order or intent.
        why: For the record.
        clock: The time.
        ask: Gives what asks the venue; called only where an order may stand there.

    Raises:
        BadConfig: no such order or intent is open, its buyer runs and may be sending it, or its order may stand.
    """
    ledger, reason = RedisLedger(redis, mode), f"closed by {who()}: {why}"
    if text := ledger.records(ORDERS).get(name):
        return _close_order(ledger, name, text, reason, VenueWord(ask, clock))
    text = ledger.records(INTENTS).get(name)
    if text is None:
        raise BadConfig(f"--close {name}: no such order or intent is open; `hybrid reconcile` lists them")
    draft, signed = intents.draft_in(text), ledger.records(SIGNED).get(name, "")
    if (draft or signed) and any(shard_holders(redis, mode).values()):
        raise BadConfig(f"--close {name}: the {mode} buyer runs and finishes it, or may be sending it: stop it first")
    if signed:
        _may_not_stand(name, signed, draft, VenueWord(ask, clock))
    if draft is None:
        return intents.strike(ledger, mode, name, text, reason, clock.now_ms())
    return intents.cancel(ledger, draft, reason)


def _close_order(ledger: Ledger, order_id: str, text: str, reason: str, venue: VenueWord) -> str:
    decision = decision_of(text)
    if decision is None or decision.outcome is None:
        raise BadConfig(f"--close {order_id}: its record cannot be read; keep it and ask for help")
    venue.refuse_what_stands(order_id, decision.outcome.order_hash, decision.token_id, decision.inputs.now_ms)
    nothing = {"shares": Shares(0), "usdc": Usdc(0), "fee": Usdc(0)}
    ended = replace(decision.outcome, **nothing, state="CANCELLED", reason=reason)
    done = SettlementWriter(ledger, lambda: None).settle(decision, ended)
    return "closed, its budget is free again" if done else "had ended before"


def _may_not_stand(name: str, signed: str, draft: BuyEngineDecision | None, venue: VenueWord) -> None:
    """Refuse what may stand at the venue by the bytes that were signed."""
    try:
        order = SignedOrder.of(signed)
    except Malformed as error:
        raise BadConfig(f"--close {name}: {error}, so the venue cannot be asked; keep it and ask for help") from error
    venue.refuse_what_stands(name, order.hash, draft.token_id if draft else "", order.signed_at_ms)


def main(
    redis: Redis, mode: Mode, clock: Clock, closing: str, why: str, ask: Callable[[], VenueLook] = no_venue
) -> list[str]:
    """Close what was asked for, or return the lines to show."""
    if closing:
        return [f"{closing}: {close(redis, mode, closing, why, clock, ask)}"]
    ledger = RedisLedger(redis, mode)
    rows = [_line(row) for row in unfinished(ledger, clock.now_ms())] or ["nothing is open: every order has ended"]
    return [*rows, *gap_lines(ledger), *(_adopted(lot) for lot in open_lots(ledger) if lot.leader == NOBODY)]


def _adopted(lot: Lot) -> str:
    shares, cost = from_micro(lot.shares), from_micro(lot.cost)
    what = f"{shares} shares of {make_plain(lot.title or lot.condition_id)}, cost {cost}, token {lot.token_id}"
    ends = "triggers, `hybrid flatten` and its redemption end it, no leader's sell does"
    return f"lot     of a fill that only the chain knew\n        {what}: {ends}"


def _line(row: UnfinishedIntent) -> str:
    name = row.order_hash or "none: nothing was signed"
    said = make_plain(f"{row.text}, {row.age_s} s ago; hash {name}; signal {row.signal_id}")
    return f"{row.kind:<7} {make_plain(row.id)}\n        {said}"
