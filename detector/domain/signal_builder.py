"""Builds signals, drops and confirmations from drafts, with their ids and dedup keys. Pure."""

from typing import Any

from detector.domain.fill_multiset import FillPiece
from detector.domain.signal_draft import Confirmation, FillKey, SignalDraft
from shared.domain.market import MarketFacts
from shared.domain.money import Price, Shares, Usdc, price_of
from shared.domain.witnesses import PENDING
from shared.messages.base import fact_id
from shared.messages.signals import ActionableSignal, Fill, FillConfirmed, MarketHint, SeenBy, SignalDropped

_DIGEST = 32  # hex digits: 128 bits keep two fills of one leader apart
UNCONFIRMED = "no second source showed it in time"
CATCH_UP_MS = 60_000
"""A fill shown so long after it was traded is no news any more, whatever delayed it."""


def draft_dedup_key(draft: SignalDraft) -> str:
    """Return the dedup key of a draft's publish."""
    return dedup_key(draft.key)


def dedup_key(key: FillKey) -> str:
    """Return the dedup key of all publishes of a fill key; a leader's begin alike, as they age together."""
    return f"{key.leader}:{fact_id(key.tx_hash, key.token_id, key.side, *_cause(key))[:_DIGEST]}"


def signal_id(key: FillKey, part: int) -> str:
    """Return the id of a key's signal: the same whoever publishes it."""
    return fact_id("signal", key.leader, key.tx_hash, key.token_id, key.side, *_cause(key), part)


def _cause(key: FillKey) -> tuple[str, ...]:
    """Return the words that tell a merge from a sell in one transaction; none for a trade, whose keys are older."""
    return () if key.cause == "TRADE" else (key.cause,)


def build_signal(
    draft: SignalDraft, emitted_at_ms: int, facts: MarketFacts | None = None, label: str = ""
) -> ActionableSignal:
    """Build the signal; its id names leader, transaction, token, side and part, whoever publishes it."""
    shares, usdc = _total(draft)
    fee_shares = sum(piece.fee_shares for piece in draft.pieces)
    return ActionableSignal(
        **_of(draft, emitted_at_ms),
        leader_label=label,
        cause=draft.key.cause,
        price=price_of(Usdc(usdc), Shares(shares + fee_shares)) if draft.key.cause == "TRADE" else Price(0),
        fills=tuple(_fill(piece) for piece in draft.pieces),
        seen_at_ms=draft.seen_at_ms,
        emitted_by=draft.emitted_by,
        catch_up=draft.seen_at_ms - draft.traded_at_ms > CATCH_UP_MS,
        market=_hint(draft.hint, facts),
        facts=facts,
        pending=True if all(source == PENDING for source, _ in draft.seen_by) else None,
    )


def _fill(piece: FillPiece) -> Fill:
    return Fill(
        shares=Shares(piece.shares),
        usdc=Usdc(piece.usdc),
        log_index=piece.log_index,
        role=piece.role,
        fee=Usdc(piece.fee) if piece.fee else None,
        fee_shares=Shares(piece.fee_shares) if piece.fee_shares else None,
    )


def build_drop(draft: SignalDraft, emitted_at_ms: int, reason: str = UNCONFIRMED) -> SignalDropped:
    """Build the event of a draft that will never be a signal."""
    return SignalDropped(**_of(draft, emitted_at_ms), reason=reason)


def build_confirmation(found: Confirmation, emitted_at_ms: int) -> FillConfirmed:
    """Build the record of a source that showed what was signalled already."""
    key, signal = found.key, signal_id(found.key, found.part)
    first_source, first_at_ms = found.first
    return FillConfirmed(
        id=fact_id("confirmed", signal, found.source),
        emitted_at_ms=emitted_at_ms,
        signal_id=signal,
        leader=key.leader,
        tx_hash=key.tx_hash,
        token_id=key.token_id,
        side=key.side,
        source=found.source,
        seen_at_ms=found.seen_at_ms,
        lag_ms=found.seen_at_ms - found.traded_at_ms,
        behind_first_ms=found.seen_at_ms - first_at_ms,
        first_source=first_source,
        counts=found.counts,
    )


def confirmation_dedup_key(event: FillConfirmed) -> str:
    """Return a confirmation's dedup key: one for each signal and source."""
    return f"{event.leader}:{event.id[:_DIGEST]}"


def _of(draft: SignalDraft, emitted_at_ms: int) -> dict[str, Any]:
    """Return the fields that a signal and a drop share."""
    shares, usdc = _total(draft)
    key = draft.key
    return {
        "leader": key.leader,
        "tx_hash": key.tx_hash,
        "token_id": key.token_id,
        "side": key.side,
        "id": signal_id(draft.key, draft.part),
        "emitted_at_ms": emitted_at_ms,
        "part": draft.part,
        "shares": Shares(shares),
        "usdc": Usdc(usdc),
        "traded_at_ms": draft.traded_at_ms,
        "seen_by": _seen_by(draft),
    }


def _total(draft: SignalDraft) -> tuple[int, int]:
    return sum(piece.shares for piece in draft.pieces), sum(piece.usdc for piece in draft.pieces)


def _seen_by(draft: SignalDraft) -> tuple[SeenBy, ...]:
    return tuple(
        SeenBy(source=source, seen_at_ms=at_ms, lag_ms=at_ms - draft.traded_at_ms) for source, at_ms in draft.seen_by
    )


def _hint(said: MarketHint, facts: MarketFacts | None) -> MarketHint:
    """Return what the source said of the market, else what we know of it."""
    if said.condition_id or facts is None:
        return said
    return MarketHint(
        condition_id=facts.condition_id,
        outcome_index=facts.outcome_index,
        outcome=facts.outcome,
        title=facts.title,
        slug=facts.slug,
        event_slug=facts.event_slug,
    )
