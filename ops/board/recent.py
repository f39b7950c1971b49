"""What happened last, in the words of a board: booked trades, and skips with the rule that failed. Pure."""

from collections.abc import Callable

from ops.board.money_rows import LeaderRow
from ops.board.recent_rows import ErrorRow, SkipRow, TradeKind, TradeRow
from shared.domain.money import price_of
from shared.messages.decisions import BuyEngineDecision
from shared.messages.service import DeadLetter
from shared.messages.trades import TradeBooked

LabelOf = Callable[[str], str]
OutcomeOf = Callable[[str], str]


def trade_row(trade: TradeBooked, label_of: LabelOf, outcome_of: OutcomeOf) -> TradeRow:
    """Return a booked trade with its names; `outcome_of` names a token's outcome where the trade does not."""
    kind: TradeKind = trade.kind
    return TradeRow(
        at_ms=trade.emitted_at_ms,
        kind=kind,
        signal_id=trade.signal_id,
        leader=trade.leader,
        label=label_of(trade.leader),
        title=trade.title,
        outcome=trade.outcome or outcome_of(trade.token_id) or f"outcome {trade.outcome_index}",
        token_id=trade.token_id,
        condition_id=trade.condition_id,
        shares=trade.shares,
        usdc=trade.usdc,
        fee=trade.fee,
        price=price_of(trade.usdc, trade.shares) if trade.shares else None,
        reason=trade.reason,
        realized=None if kind == "BUY" else trade.realized,
    )


def skip_row(decision: BuyEngineDecision, label_of: LabelOf) -> SkipRow:
    """Return a skip with the first rule that failed."""
    market = decision.inputs.market
    failed = next((rule for rule in decision.rules if not rule.passed), None)
    return SkipRow(
        at_ms=decision.emitted_at_ms,
        signal_id=decision.signal_id,
        leader=decision.leader,
        label=label_of(decision.leader),
        title=market.title if market else "",
        outcome=market.outcome if market else "",
        token_id=decision.token_id,
        rule=failed.rule if failed else decision.reason,
        value=failed.value if failed else "",
        limit=failed.limit if failed else "",
    )


def error_row(letter: DeadLetter) -> ErrorRow:
    """Return an entry that could not be handled, in words."""
    return ErrorRow(at_ms=letter.emitted_at_ms, where=letter.stream, text=letter.reason)


def by_activity(row: LeaderRow) -> tuple[int, str]:
    """Sort leaders: who traded last comes first."""
    return (-(row.last_at_ms or 0), row.address)
