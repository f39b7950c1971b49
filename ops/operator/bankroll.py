"""`hybrid reconcile --cash`: money that came or went behind the ledger's back, posted by a person's word."""

import json
import threading

from redis import Redis

from buyer import config
from buyer.recovery.bankroll import under_way, unexplained_cash
from ops.operator.controls import who
from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing, Unavailable
from shared.domain.ledger_accounts import CASH, DEPOSITED
from shared.domain.ledger_write import BalanceGuard, LedgerRecord, LedgerWrite, RefusedWrite, WrittenStep
from shared.domain.money import from_micro, to_micro
from shared.domain.record_kinds import DEPOSITS, INTENTS, ORDERS, SENDINGS
from shared.domain.trading_words import Mode
from shared.ledger.redis_ledger import RedisLedger


def asked(redis: Redis, mode: Mode, clock: Clock, words: list[str]) -> int:
    """Return the bankroll that there is in micro-units: the wallet's collateral, on paper what is set.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: live, and the wallet cannot be asked with these settings.
        TryAgain: the venue is away.
    """
    settings = config.parse_args(words)
    if mode == "paper":
        return to_micro(settings.paper_bankroll_usdc)
    try:
        from buyer.composition_live import read_collateral  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"--cash needs the extra `live` ({error}): `make install`") from error
    return read_collateral(settings, redis, clock=clock, stop=threading.Event())


def post_cash(redis: Redis, mode: Mode, amount: int, why: str, now_ms: int) -> str:
    """Post what came to the bankroll or left it, so that the ledger's cash is what there is; return what was done.

    Raises:
        BadConfig: something is under way that moves cash by itself, or more went than the ledger has in cash.
        Unavailable: a buyer wrote to the ledger in between.
    """
    ledger = RedisLedger(redis, mode)
    found = ledger.whole((INTENTS, ORDERS, SENDINGS, DEPOSITS))
    if under_way(found):
        fix = "wait until they have ended (`hybrid reconcile`, `hybrid redeem`)"
        raise BadConfig(f"--cash: {under_way(found)} order(s) or redemption(s) are under way; {fix}")
    moved = unexplained_cash(found, amount, mode)
    if not moved:
        return f"{mode}: the ledger knows of everything, nothing was posted"
    name = f"deposit:{now_ms}"
    note = {"amount": str(from_micro(moved)), "who": who(), "why": why, "at_ms": str(now_ms)}
    done = ledger.commit(
        LedgerWrite(
            id=name,
            postings=((CASH, moved), (DEPOSITED, moved)),
            guards=(BalanceGuard(CASH, at_least=0),),
            records=(LedgerRecord(DEPOSITS, name, json.dumps(note)),),
            expected_seq=found.seq,
        )
    )
    if isinstance(done, RefusedWrite):
        raise BadConfig(f"--cash: {from_micro(-moved)} less than the ledger knows of, and it has no such cash")
    if not isinstance(done, WrittenStep):
        raise Unavailable("the ledger moved on meanwhile, nothing was posted: try again")
    return f"{mode}: {'deposit' if moved > 0 else 'withdrawal'} of {from_micro(abs(moved))} posted"
