"""Reads what every shadow and the real buyer brought, as the server holds it."""

from redis import Redis

from ops.shadow.domain.book_result import BookResult, book_result
from ops.shadow.domain.shadow_comparison import ShadowLine, compare_books
from shared.account.lot_marks import read_marks
from shared.account.trade_log import newest_trades
from shared.ledger.held_lots import KINDS, held_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.ledger.shadow_ledger import shadow_scope
from shared.redis.shadows import known_shadows, named_changes, shadow_life

MOST_TRADES = 100_000


def compared_shadows(redis: Redis, real: str) -> list[ShadowLine]:
    """Return a line for each shadow, beside the ledger `real` (paper or live) since that shadow began.

    Raises:
        Unavailable: the server is away.
    """
    lines: list[ShadowLine] = []
    for name, record in known_shadows(redis).items():
        life = shadow_life(redis, name)
        lines.append(
            compare_books(
                name,
                named_changes(record.changes),
                _read(redis, shadow_scope(name), record.began_at_ms),
                _read(redis, real, record.began_at_ms),
                running=bool(life.holder),
                backlog=life.backlog,
            )
        )
    return lines


def _read(redis: Redis, scope: str, since_ms: int) -> BookResult:
    found = RedisLedger(redis, scope).whole(KINDS)
    trades = list(newest_trades(redis, scope, MOST_TRADES))
    return book_result(trades, held_lots(found), read_marks(redis, scope), found.values, since_ms)
