"""A ledger's figures as lines of text: cash, what is held, what was realized."""

from redis import Redis

from shared.domain.ledger_accounts import CASH, COST, FEES, REALIZED, day_account, pnl_account
from shared.domain.money import from_micro
from shared.ledger.redis_ledger import RedisLedger


def figure_lines(redis: Redis, mode: str, now_ms: int) -> tuple[str, ...]:
    """Return the figures of one ledger.

    Raises:
        Unavailable: the server is away.
    """
    values = RedisLedger(redis, mode).accounts().values
    cost = sum(value for name, value in values.items() if name.startswith(COST))
    held = sum(1 for name, value in values.items() if name.startswith(COST) and value)
    today, ever = values.get(pnl_account(now_ms), 0), values.get(REALIZED, 0)
    return (
        f"cash {_usd(values.get(CASH, 0))}, in {held} positions {_usd(cost)}, fees {_usd(values.get(FEES, 0))}",
        f"realized today {from_micro(today):+,.2f}, in all {from_micro(ever):+,.2f}",
        f"spent today {_usd(values.get(day_account(now_ms), 0))}",
    )


def _usd(micro: int) -> str:
    return f"{from_micro(micro):,.2f}"
