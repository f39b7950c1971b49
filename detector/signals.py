"""Drafts as events: pure."""

from detector.matcher import Draft, Key
from shared.events import ActionableSignal, Fill, MarketHint, SeenBy, fact_id
from shared.market import MarketFacts
from shared.money import from_micro, price_of

_DIGEST = 32


def fact_of(draft: Draft) -> str:
    """Return what the draft's publish is guarded by; it belongs to the leader."""
    return fact_of_key(draft.key)


def fact_of_key(key: Key) -> str:
    """Return what all publishes of a key are guarded by."""
    return f"{key.leader}:{fact_id(key.tx_hash, key.token_id, key.side)[:_DIGEST]}"


def signal_id(key: Key, part: int) -> str:
    """Return the id of a key's signal: the same whoever publishes it."""
    return fact_id("signal", *key, part)


def signal_of(draft: Draft, emitted_at_ms: int, facts: MarketFacts | None = None) -> ActionableSignal:
    """Build the signal; its id names leader, transaction, token, side and part, whoever publishes it."""
    key = draft.key
    shares = sum(piece.shares for piece in draft.pieces)
    usdc = sum(piece.usdc for piece in draft.pieces)
    return ActionableSignal(
        id=signal_id(key, draft.part),
        emitted_at_ms=emitted_at_ms,
        leader=key.leader,
        tx_hash=key.tx_hash,
        token_id=key.token_id,
        side=key.side,
        part=draft.part,
        shares=from_micro(shares),
        usdc=from_micro(usdc),
        price=price_of(usdc, shares),
        fills=tuple(
            Fill(
                shares=from_micro(piece.shares), usdc=from_micro(piece.usdc), log_index=piece.log_index, role=piece.role
            )
            for piece in draft.pieces
        ),
        traded_at_ms=draft.traded_at_ms,
        seen_at_ms=draft.seen_at_ms,
        seen_by=tuple(
            SeenBy(source=source, seen_at_ms=at_ms, lag_ms=at_ms - draft.traded_at_ms)
            for source, at_ms in draft.seen_by
        ),
        market=_hint(draft.hint, facts),
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
