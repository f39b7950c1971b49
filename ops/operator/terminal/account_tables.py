"""Positions, trades and profit as tables for people."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from ops.board.board import Board
from ops.board.money_rows import DayProfit, LotProfit, PnlSpan, Position
from ops.board.recent_rows import TradeRow
from ops.operator.account.account_facts import By, ProfitRow
from ops.operator.pipeline_server import moment
from ops.operator.terminal.money_text import leader_name, price, shares, signed, until, usd

SPANS = {"today": "today", "7d": "7 days", "30d": "30 days", "all": "all"}
BEFORE = "before this was kept"


def positions_table(board: Board) -> Table:
    """Return a line for each open lot, and their sums."""
    table = _table("market", "outcome", "leader")
    _numbers(table, "shares", "cost", "bid", "value", "unrealized")
    for name in ("ends", "note", "lot"):
        table.add_column(name)
    for one in board.positions:
        dim = "dim" if one.stale else ""
        table.add_row(
            Text(one.title or one.token_id),
            Text(one.outcome),
            leader_name(one.leader, one.label),
            shares(one.shares),
            usd(one.cost),
            Text(price(one.bid), dim),
            Text(usd(one.value), dim),
            signed(one.unrealized),
            until(one.ends_at_ms, board.at_ms),
            note_of(one, board.at_ms),
            f"{one.leader[:10]}:{one.token_id[:8]}",
        )
    return table


def note_of(one: Position, now_ms: int) -> Text:
    """Return what else to know of a position."""
    age = f"mark {(now_ms - one.marked_at_ms) // 1000} s old" if one.stale and one.marked_at_ms is not None else ""
    words = (
        f"selling: {one.exiting}" if one.exiting else "",
        "exit only" if one.exit_only else "",
        "OTHER SIDE HELD" if one.other_side_held else "",
        age,
    )
    return Text(", ".join(filter(None, words)), "yellow")


def trades_table(rows: Sequence[TradeRow]) -> Table:
    """Return a line for each trade, the newest first."""
    table = _table("when", "what", "market", "outcome", "leader")
    _numbers(table, "shares", "price", "paid", "fee", "realized")
    for row in rows:
        table.add_row(
            moment(row.at_ms),
            row.kind,
            Text(row.title or row.token_id),
            Text(row.outcome),
            leader_name(row.leader, row.label),
            shares(row.shares),
            price(row.price),
            usd(row.usdc),
            usd(row.fee),
            signed(row.realized),
        )
    return table


def profit_table(rows: Sequence[ProfitRow], by: By | None) -> Table:
    """Return a line for each span, day, leader or market."""
    table = _table(by or "")
    _numbers(table, "realized", *(("fees", "spent") if by == "day" else ("unrealized", "fees")))
    if by in {"leader", "market"}:
        _numbers(table, "bought", "sold", "lots")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: ProfitRow) -> tuple[str | Text, ...]:
    match row:
        case PnlSpan():
            return SPANS[row.span], signed(row.realized), signed(row.unrealized), usd(row.fees)
        case DayProfit():
            return row.day or BEFORE, signed(row.realized), usd(row.fees), usd(row.spent)
        case LotProfit():
            name = row.title or row.name or BEFORE
            money = usd(row.fees), usd(row.bought), usd(row.sold)
            return Text(name), signed(row.realized), signed(row.unrealized), *money, str(row.lots)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column)
    return table


def _numbers(table: Table, *columns: str) -> None:
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
