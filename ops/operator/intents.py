"""The end of an intent by a person's word: one that the buyer cannot read, or cannot finish while it is stopped."""

import json
from typing import Any, TypeVar

from msgspec.structs import replace

from buyer.domain.ledger_scope import scope_of, scope_of_draft
from buyer.domain.postings import reserve_postings
from buyer.execution.dead_letters import DEAD_LETTER
from buyer.execution.journal import Journal
from shared.domain.errors import BadConfig, Malformed
from shared.domain.ledger_accounts import Postings
from shared.domain.ledger_write import KnownWrite, LedgerRecord, LedgerWrite, RefusedWrite, Result, WrittenStep
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import INTENTS, SIGNED
from shared.domain.trading_words import Mode
from shared.domain.value import Value
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs, Order, Outcome
from shared.messages.events import read_event
from shared.messages.value_codec import codec_of

M = TypeVar("M", bound=Value)


def draft_in(text: str) -> BuyEngineDecision | None:
    """Return the decision of an intent that the buyer can finish; None of one that it leaves alone."""
    try:
        event = read_event(text)
    except Malformed:
        return None
    if not isinstance(event, BuyEngineDecision) or event.order is None or event.inputs.market is None:
        return None
    return event


def cancel(ledger: RedisLedger, draft: BuyEngineDecision, reason: str) -> str:
    """Conclude an intent as cancelled, as its buyer would; return what became of it."""
    outcome = Outcome(state="CANCELLED", shares=Shares(0), usdc=Usdc(0), fee=Usdc(0), reason=reason)
    ended = replace(draft, outcome=outcome)
    return _said(Journal(ledger, lambda: None).conclude(ended, scope_of_draft(draft), draft.inputs.market))


def strike(ledger: RedisLedger, mode: Mode, signal_id: str, text: str, reason: str, now_ms: int) -> str:
    """End an intent that cannot be read with a decision of its own, and give back what it can be seen to reserve."""
    reserved = _reserved(text)
    decision = BuyEngineDecision(
        id=fact_id("decision", signal_id),
        emitted_at_ms=now_ms,
        signal_id=signal_id,
        leader="",
        token_id="",
        mode=mode,
        verdict="SKIP",
        reason=f"{DEAD_LETTER}{reason}",
        rules=(),
        inputs=Inputs(now_ms=now_ms),
    )
    write = LedgerWrite(
        id=f"decision:{signal_id}",
        postings=tuple((account, -amount) for account, amount in reserved or ()),
        records=(LedgerRecord(INTENTS, signal_id, None), LedgerRecord(SIGNED, signal_id, None)),
        events=((DECISIONS, decision),),
    )
    done = ledger.commit(write)
    if isinstance(done, KnownWrite):  # its signal was decided before, and left this behind
        done = ledger.commit(replace(write, id=f"late:{signal_id}", events=()))
    said = _said(done)
    return said if reserved else f"{said}; nobody can tell what it reserved, so that stays reserved"


def _said(done: Result) -> str:
    """Say what was done.

    Raises:
        BadConfig: nothing was.
    """
    if isinstance(done, RefusedWrite):
        raise BadConfig(f"not closed: {done.account} would be {done.value}; ledger and venue disagree, compare both")
    if not isinstance(done, WrittenStep):
        raise BadConfig("not closed: somebody ended it meanwhile; `hybrid reconcile` lists what is open")
    return "closed, what it reserved is free again"


def _reserved(text: str) -> Postings | None:
    """Return what an intent set aside, as far as its fields are those of today; None when they are not."""
    try:
        said = json.loads(text)
        order, market = _read(Order, said["order"]), _read(MarketFacts, said["inputs"]["market"])
        return reserve_postings(order, scope_of(order.leader, order.token_id, market, int(said["inputs"]["now_ms"])))
    except (Malformed, ValueError, LookupError, TypeError):
        return None


def _read(model: type[M], said: Any) -> M:  # noqa: ANN401 - JSON
    return codec_of(model).of_plain(said)
