"""Reads what every shadow and the real buyer brought, as the server holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from redis import Redis

from ops.shadow.domain.book_result import BookResult, book_result
from ops.shadow.domain.shadow_comparison import ShadowLine, compare_books
from shared.account.lot_marks import read_marks
from shared.account.trade_log import newest_trades
from shared.domain.ledger_write import Balances
from shared.ledger.held_lots import KINDS, held_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.ledger.shadow_ledger import shadow_scope
from shared.messages.account import LotMarks
from shared.messages.trades import TradeBooked
from shared.redis.shadows import ShadowRecord, known_shadows, named_changes, shadow_life

MOST_TRADES = 100_000


@dataclass(frozen=True)
class _LedgerReading:
    """A ledger as it stands: all that a result is reckoned from, since whenever."""

    trades: Sequence[TradeBooked]
    found: Balances
    marks: LotMarks | None

    @classmethod
    def of(cls, redis: Redis, scope: str) -> Self:
        """Read it."""
        found = RedisLedger(redis, scope).whole(KINDS)
        return cls(list(newest_trades(redis, scope, MOST_TRADES)), found, read_marks(redis, scope))

    def since(self, since_ms: int) -> BookResult:
        """Return what it brought since a moment."""
        return book_result(self.trades, held_lots(self.found), self.marks, self.found.values, since_ms)


def compared_shadows(redis: Redis, real: str) -> list[ShadowLine]:
    """Return a line for each shadow, beside the ledger `real` (paper or live) since that shadow began.

    Raises:
        Unavailable: the server is away.
    """
    shadows = known_shadows(redis)
    beside = _LedgerReading.of(redis, real) if shadows else None
    return [_line(redis, record, beside) for record in shadows.values() if beside]


def _line(redis: Redis, record: ShadowRecord, real: _LedgerReading) -> ShadowLine:
    life, since_ms = shadow_life(redis, record.name), record.began_at_ms
    shadow = _LedgerReading.of(redis, shadow_scope(record.name)).since(since_ms)
    changes = named_changes(record.changes)
    running, backlog = bool(life.holder), life.backlog
    return compare_books(record.name, changes, shadow, real.since(since_ms), running=running, backlog=backlog)
