"""A board as short lines of text: figures, positions, and what fills up, as messages and chats show them. Pure."""

from collections.abc import Iterator

from ops.alerts.domain.amounts import cents, signed_cents
from ops.alerts.domain.watch_state import LimitUse, StandingAlarm
from ops.board.board import Board
from ops.board.board_state import Alarm
from ops.board.money_rows import Position

MONEY = {"live": "REAL MONEY", "paper": "paper"}
MOST_LOTS = 20
_SPANS = {"today": "today", "7d": "7 days", "30d": "30 days", "all": "in all"}
_TOLD_ELSEWHERE = ("killed", "paused", "sells only", "flattening", "lost:", "cap:", "source:", "wallet:", "redemptions")
"""How the names of alarms begin that events, beats and limits tell already."""
_NOT_STANDING = ("stopped", "away", "halted", "marks")
"""Alarms that say what others say as well, or that pass."""


def figure_lines(board: Board) -> Iterator[str]:
    """Yield what the account comes to, and what it brought."""
    equity = f"equity {cents(board.equity)}, cash {cents(board.cash)}, {len(board.positions)} positions"
    yield equity
    yield from pnl_lines(board)


def pnl_lines(board: Board) -> Iterator[str]:
    """Yield profit and loss of each span; what nobody knows is said so."""
    for span in board.pnl:
        unrealized, fees = signed_cents(span.unrealized), cents(span.fees)
        yield f"{_SPANS[span.span]}: realized {signed_cents(span.realized)}, unrealized {unrealized}, fees {fees}"


def status_lines(board: Board) -> Iterator[str]:
    """Yield how it stands: the state first, then what is wrong, then the figures."""
    why = f" by {board.state.who}: {board.state.why}" if board.state.who else ""
    yield f"{MONEY.get(board.mode, board.mode)}: {board.state.word}{why}"
    yield from (f"  {'!! ' if one.severity == 'critical' else '! '}{one.text}" for one in board.alarms)
    yield from (f"  {line}" for line in figure_lines(board))
    working = sorted({one.service for one in board.services if not one.lost and one.state != "stopped"})
    yield f"  works: {', '.join(working) or 'nothing'}"


def position_lines(board: Board) -> Iterator[str]:
    """Yield what is held, the newest last."""
    cost = sum(one.cost for one in board.positions)
    yield f"{MONEY.get(board.mode, board.mode)}: {len(board.positions)} open, cost {cents(cost)} pUSD"
    yield from (f"  {_position(one)}" for one in board.positions[-MOST_LOTS:])
    if len(board.positions) > MOST_LOTS:
        yield f"  and {len(board.positions) - MOST_LOTS} older ones: hybrid positions"


def limits_of(board: Board) -> tuple[LimitUse, ...]:
    """Return how full each limit is, as far as that is known."""
    return tuple(
        LimitUse(name=one.name, used=one.used, limit=one.limit, mode=board.mode, of=one.of)
        for one in board.caps
        if one.used is not None
    )


def standing_alarms(board: Board) -> tuple[StandingAlarm, ...]:
    """Return what is wrong that neither events nor beats nor limits tell."""
    return tuple(
        StandingAlarm(name=f"{board.mode}:{one.name}", text=one.text, fix=one.fix, mode=board.mode)
        for one in board.alarms
        if one.severity == "critical" and _is_ours(one)
    )


def _is_ours(alarm: Alarm) -> bool:
    return not alarm.name.startswith((*_TOLD_ELSEWHERE, *_NOT_STANDING))


def _position(one: Position) -> str:
    result = "" if one.unrealized is None else f" ({signed_cents(one.unrealized)}{', old' if one.stale else ''})"
    who = one.label or f"{one.leader[:10]}…"
    leaving = f", being sold: {one.exiting.replace('_', ' ')}" if one.exiting else ""
    held = f"{cents(one.shares)} {one.outcome}, cost {cents(one.cost)}, worth {cents(one.value)}{result}"
    return f"{one.title[:60]}: {held}, {who}{leaving}"
