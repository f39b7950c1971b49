"""The bankroll: credited once, by the first start; what comes or goes later is posted by a person's word."""

from shared import logs
from shared.domain.errors import Unavailable
from shared.domain.ledger_accounts import CASH, DEPOSITED
from shared.domain.ledger_write import Balances
from shared.domain.money import from_micro
from shared.domain.record_kinds import DEPOSITS, INTENTS, ORDERS
from shared.domain.trading_words import Mode
from shared.ledger.redis_ledger import RedisLedger

A_CENT = 10_000


def unexplained_cash(found: Balances, there: int, mode: Mode) -> int:
    """Return how many micro-units came since the bankroll was credited, below 0 that went; 0 for less than a cent.

    Args:
        found: The ledger's accounts and `deposits`, while no order is open.
        there: What there is: live the wallet's collateral, on paper the bankroll as it is set.
        mode: Which of the two.
    """
    begun = DEPOSITED in found.values or any(kind == DEPOSITS for kind, _ in found.records)
    moved = there - found.values.get(CASH if mode == "live" else DEPOSITED, 0)
    return moved if begun and abs(moved) > A_CENT else 0


def under_way(found: Balances) -> int:
    """Count the records of what moves cash by itself, all that was read but the deposits."""
    return sum(kind != DEPOSITS for kind, _ in found.records)


def say_apart(ledger: RedisLedger, there: int, mode: Mode) -> None:
    """Warn at a start of money that came or went and the ledger does not know of; nobody can tell with orders open."""
    log = logs.get_logger("buyer")
    try:
        found = ledger.whole((INTENTS, ORDERS, DEPOSITS))
    except Unavailable as error:
        log.info("bankroll_not_compared", error=str(error))
        return
    moved = 0 if under_way(found) else unexplained_cash(found, there, mode)
    if moved:
        what = "the wallet's collateral" if mode == "live" else "PAPER_BANKROLL_USDC"
        differs = f"{from_micro(abs(moved))} {'more' if moved > 0 else 'less'}"
        log.warning(
            "bankroll_apart",
            found=f"{what} is {from_micro(there)}, {differs} than the ledger knows of, and buys go by the ledger",
            fix=f"`hybrid reconcile --mode {mode} --cash --why ...` posts it, with these settings",
        )
