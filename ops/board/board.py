"""The board: all that an operator is shown of one ledger, at one moment. Terminal, JSON, web and phone show this."""

from ops.board.board_state import Alarm, BoardState, ServiceAge, SourceAge
from ops.board.money_rows import CapUse, LeaderRow, PnlSpan, Position
from ops.board.recent_rows import ErrorRow, SkipRow, TradeRow
from shared.domain.money import Usdc
from shared.domain.value import Value
from shared.messages.account import EquityPoint


class Board(Value, frozen=True, kw_only=True):
    """One look at the ledger of `mode`, at `at_ms` by the server's clock (UTC).

    `equity` is cash, what orders under way have set aside, and the value of open lots; None where a lot has no mark.
    `pnl` holds the spans `today`, `7d`, `30d`, `all` in this order; `equity_line` is thinned to some hundred points.
    """

    at_ms: int
    mode: str
    state: BoardState
    services: tuple[ServiceAge, ...] = ()
    sources: tuple[SourceAge, ...] = ()
    equity: Usdc | None = None
    cash: Usdc = Usdc(0)
    deposited: Usdc = Usdc(0)
    pnl: tuple[PnlSpan, ...] = ()
    positions: tuple[Position, ...] = ()
    caps: tuple[CapUse, ...] = ()
    last_trade: TradeRow | None = None
    last_skip: SkipRow | None = None
    last_error: ErrorRow | None = None
    leaders: tuple[LeaderRow, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    equity_line: tuple[EquityPoint, ...] = ()
