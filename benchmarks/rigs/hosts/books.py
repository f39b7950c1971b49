"""The ledger beside the venue's own account: cash and shares to the micro-unit, nothing left open."""

import contextlib
from collections import Counter
from typing import Any

from benchmarks.rigs.failovers.nodes import wait_for
from benchmarks.rigs.order_rig import Trading
from shared.domain.ledger_accounts import CASH
from shared.domain.record_kinds import EXITS, INTENTS, ORDERS, SIGNED
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger


def books_off(trading: Trading, seconds: float) -> dict[str, Any]:
    """Wait until all orders are settled, at most so long; return what the ledger and the account differ by."""
    ledger = RedisLedger(trading.redis, "live")
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not _open(ledger), "records are left open", seconds)
    (account,) = (one for one in trading.get("/accounts")["accounts"] if one["wallet"] == trading.wallet)
    shares = Counter[str]()
    for lot in open_lots(ledger):
        shares[lot.token_id] += lot.shares
    theirs = {token: int(count) for token, count in account["shares_micro"].items()}
    return {
        "cash_off_micro": ledger.accounts().values.get(CASH, 0) - int(account["cash_micro"]),
        "shares_off": sum(shares[token] != theirs.get(token, 0) for token in shares.keys() | theirs.keys()),
        "left_open": _open(ledger),
    }


def _open(ledger: RedisLedger) -> int:
    return sum(len(ledger.records(kind)) for kind in (INTENTS, SIGNED, ORDERS, EXITS))
