"""The panels about trades: what is held, what was decided and seen, what was redeemed, what to look at."""

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ops.board.money_rows import Position
from ops.operator.terminal.frames import SIDES, panel, seconds, table
from ops.operator.terminal.money_text import leader_name, price, shares, signed, usd
from ops.operator.terminal.screen_frame import ScreenPicture
from shared.domain.ledger_accounts import Lot
from shared.domain.money import Shares, Usdc, from_micro, price_of
from shared.messages.decisions import BuyEngineDecision

TITLE = 60
"""Characters of a market's title that are kept before a column cuts it."""


def positions(picture: ScreenPicture) -> Panel:
    """Show what is held, the dearest first: what it cost, what the bids pay now."""
    made = table("market", "outcome", "leader", "shares", "per share", "cost", "value", "p/l")
    held = picture.board.positions if picture.board else [_unmarked(lot) for lot in picture.lots]
    for one in sorted(held, key=lambda one: -one.cost)[: picture.rows]:
        dim = "dim" if one.stale else ""
        made.add_row(
            Text((one.title or one.token_id)[:TITLE], dim),
            one.outcome[:12],
            leader_name(one.leader, one.label)[:14],
            shares(one.shares),
            price(price_of(Usdc(one.cost), Shares(one.shares))),
            usd(one.cost),
            Text(usd(one.value), dim),
            signed(one.unrealized),
        )
    hidden = f"and {len(held) - picture.rows} more: `hybrid positions`" if len(held) > picture.rows else ""
    return panel(made, f"positions ({len(held)})", Text(hidden, "dim") if hidden else None)


def decisions(picture: ScreenPicture) -> Panel:
    """Show what was decided last, and why."""
    made = table("verdict", "market", "why", "shares", "paid")
    for decision in list(picture.view.decisions)[: picture.rows]:
        outcome = decision.outcome
        made.add_row(
            Text(decision.verdict, SIDES[decision.verdict]),
            _title(picture, decision.token_id),
            _why(decision),
            f"{from_micro(outcome.shares):.2f}" if outcome else "",
            f"{from_micro(outcome.usdc):.2f}" if outcome else "",
        )
    reasons = "  ".join(f"{reason} {count}" for reason, count in picture.view.reasons.most_common(5))
    return panel(made, "decisions", Text(f"skipped: {reasons}") if reasons else None)


def signals(picture: ScreenPicture) -> Panel:
    """Show what leaders did last."""
    made = table("leader", "side", "shares", "price", "market", "by", "lag")
    for signal in list(picture.view.signals)[: picture.rows]:
        seen = signal.seen_by[0] if signal.seen_by else None
        made.add_row(
            leader_name(signal.leader, picture.label_of(signal.leader) or signal.leader_label),
            Text(signal.side, SIDES[signal.side]),
            f"{from_micro(signal.shares):.2f}",
            f"{from_micro(signal.price):.3f}" if signal.cause == "TRADE" else "merged",
            _title(picture, signal.token_id),
            seen.source if seen else "",
            seconds(seen.lag_ms if seen else None),
        )
    return panel(made, "signals")


def redemptions(picture: ScreenPicture) -> Panel:
    """Show what came back from markets that ended."""
    made = table("market", "payout", "paid", "cost", "p/l")
    for result in list(picture.view.redemptions)[: picture.rows]:
        made.add_row(
            (result.title or result.condition_id)[:TITLE],
            " / ".join(result.payouts),
            f"{from_micro(result.paid):.2f}",
            f"{from_micro(result.cost):.2f}",
            signed(result.realized),
        )
    return panel(made, "redemptions")


def alarms(picture: ScreenPicture) -> Panel:
    """Show what a person has to look at, and what helps."""
    found = picture.board.alarms if picture.board else ()
    made = Table(box=None, expand=True, show_header=False, pad_edge=False, show_edge=False)
    for one in found[: max(1, picture.rows)]:
        made.add_row(Text(f"{one.text}; {one.fix}" if one.fix else one.text, _STYLES[one.severity]))
    if not found:
        made.add_row(Text("nothing to look at", "dim"))
    return panel(made, f"alarms ({len(found)})" if found else "alarms")


_STYLES = {"critical": "bold red", "warning": "yellow"}


def _unmarked(lot: Lot) -> Position:
    """Return a lot that nobody told a mark of."""
    return Position(
        key=lot.key,
        title=lot.title,
        outcome="",
        token_id=lot.token_id,
        condition_id=lot.condition_id,
        leader=lot.leader,
        label="",
        shares=Shares(lot.shares),
        cost=Usdc(lot.cost),
    )


def _why(decision: BuyEngineDecision) -> str:
    if decision.outcome is not None:
        return decision.outcome.reason or decision.outcome.state
    failed = next((rule for rule in decision.rules if not rule.passed), None)
    if failed is None:
        return decision.reason
    if failed.rule == "inputs_known":
        return failed.value
    return f"{failed.rule}: {failed.value}" + (f" (limit {failed.limit})" if failed.limit else "")


def _title(picture: ScreenPicture, token_id: str) -> str:
    return picture.view.titles.get(token_id, f"token {token_id[:8]}…")[:TITLE]
