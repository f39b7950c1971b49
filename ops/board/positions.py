"""Open lots as an operator reads them: with names, marks, ends, and what is being done about them. Pure."""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from ops.board.money_rows import Position
from shared.domain.ledger_accounts import Lot, outcome_account, sells_only_account
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.messages.account import LotMark, marked_value

STALE_MS = 60_000
"""A mark older than this says what was, not what is."""


def open_positions(
    lots: Sequence[Lot],
    values: Mapping[str, int],
    marks: Mapping[str, LotMark],
    facts: Mapping[str, MarketFacts],
    exits: Mapping[str, str],
    label_of: Callable[[str], str],
    now_ms: int,
) -> tuple[Position, ...]:
    """Return a position for each lot, the dearest first.

    Args:
        lots: What is held, what a sale has set aside included.
        values: Every account of the ledger.
        marks: What is told of each lot's worth, by its key.
        facts: What is known of each token's market.
        exits: Why each lot is being sold, by its key.
        label_of: A leader's name, '' without one.
        now_ms: The time.
    """
    sides = {(lot.condition_id, lot.outcome_index) for lot in lots}
    found = [
        replace(
            _position(lot, marks.get(lot.key), facts.get(lot.token_id), now_ms),
            label=label_of(lot.leader),
            other_side_held=_other_held(lot, values, sides),
            exit_only=bool(values.get(sells_only_account(lot.leader), 0)),
            exiting=exits.get(lot.key, ""),
        )
        for lot in lots
    ]
    return tuple(sorted(found, key=lambda one: (-one.cost, one.key)))


def _position(lot: Lot, mark: LotMark | None, facts: MarketFacts | None, now_ms: int) -> Position:
    value = marked_value(lot, mark)
    return Position(
        key=lot.key,
        title=lot.title or (facts.title if facts else ""),
        outcome=facts.outcome if facts and facts.outcome else f"outcome {lot.outcome_index}",
        token_id=lot.token_id,
        condition_id=lot.condition_id,
        leader=lot.leader,
        label="",
        shares=Shares(lot.shares),
        cost=Usdc(lot.cost),
        bid=mark.bid if mark else None,
        value=value,
        unrealized=None if value is None else Usdc(value - lot.cost),
        marked_at_ms=mark.at_ms if mark else None,
        stale=mark is not None and now_ms - mark.at_ms > STALE_MS,
        opened_at_ms=lot.opened_at_ms or None,
        ends_at_ms=facts.ends_at_ms if facts else None,
    )


def _other_held(lot: Lot, values: Mapping[str, int], sides: set[tuple[str, int]]) -> bool:
    other = 1 - lot.outcome_index
    return (lot.condition_id, other) in sides or values.get(outcome_account(lot.condition_id, other), 0) > 0
