"""`hybrid positions`, `trades` and `pnl`: the account as data, each from the same board or the same ledger."""

from collections.abc import Sequence
from typing import Any, Literal

from redis import Redis

from ops.board.board import Board
from ops.board.money_rows import DayProfit, LotProfit, PnlSpan, Position
from ops.board.profit import daily_profit
from ops.board.profit_parts import profit_by_leader, profit_by_market
from ops.board.recent import trade_row
from ops.board.recent_rows import TradeRow
from ops.operator.board_reader import read_board
from shared.account.trade_log import newest_trades
from shared.clock import SystemClock
from shared.domain.money import micro_text
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.value_codec import plain_value
from shared.polymarket.market_store import MarketStore
from shared.process.beats import server_ms
from shared.redis.followed_leaders import leader_labels

By = Literal["day", "leader", "market"]
ProfitRow = PnlSpan | DayProfit | LotProfit
ALL_TRADES = 10_000_000


def account_board(redis: Redis, mode: str) -> Board:
    """Return the board of a ledger as of now, by the server's clock."""
    return read_board(redis, mode, server_ms(redis))


def position_facts(board: Board) -> dict[str, Any]:
    """Return the open positions as plain JSON values."""
    return {**_head(board), "positions": [plain_value(one) for one in board.positions]}


def position_fields() -> tuple[str, ...]:
    """Return what a position says, in order."""
    return Position.__struct_fields__


def trade_rows(redis: Redis, mode: str, last: int) -> list[TradeRow]:
    """Return the newest trades, the newest first."""
    labels, store = leader_labels(redis), MarketStore(redis, SystemClock())
    found = list(newest_trades(redis, mode, last))
    tokens = sorted({trade.token_id for trade in found if not trade.outcome})
    outcomes = {one.facts.token_id: one.facts.outcome for one in store.read(tokens)}
    return [
        trade_row(trade, lambda name: labels.get(name, ""), lambda token: outcomes.get(token, "")) for trade in found
    ]


def trade_facts(redis: Redis, mode: str, rows: Sequence[TradeRow]) -> dict[str, Any]:
    """Return trades as plain JSON values."""
    return {"mode": mode, "at_ms": server_ms(redis), "trades": [plain_value(row) for row in rows]}


def trade_fields() -> tuple[str, ...]:
    """Return what a trade says, in order."""
    return TradeRow.__struct_fields__


def profit_rows(redis: Redis, board: Board, by: By | None) -> Sequence[ProfitRow]:
    """Return profit and loss: of the board's spans, or of each day, leader or market."""
    if by is None:
        return board.pnl
    values = RedisLedger(redis, board.mode).accounts().values
    if by == "day":
        return daily_profit(values)
    trades = list(newest_trades(redis, board.mode, ALL_TRADES))
    if by == "market":
        return profit_by_market(values, board.positions, trades)
    labels = leader_labels(redis)
    return profit_by_leader(values, board.positions, trades, lambda name: labels.get(name, ""))


def profit_facts(board: Board, by: By | None, rows: Sequence[ProfitRow]) -> dict[str, Any]:
    """Return profit and loss as plain JSON values; the spans are those of the board."""
    return {
        **_head(board),
        "spans": [plain_value(span) for span in board.pnl],
        "by": by,
        "rows": [plain_value(row) for row in rows] if by else [],
    }


def profit_fields(by: By | None) -> tuple[str, ...]:
    """Return what a row says, in order."""
    kinds: dict[By | None, type[ProfitRow]] = {
        None: PnlSpan,
        "day": DayProfit,
        "leader": LotProfit,
        "market": LotProfit,
    }
    return kinds[by].__struct_fields__


def _head(board: Board) -> dict[str, Any]:
    return {
        "mode": board.mode,
        "at_ms": board.at_ms,
        "equity": None if board.equity is None else micro_text(board.equity),
        "cash": micro_text(board.cash),
        "deposited": micro_text(board.deposited),
    }
