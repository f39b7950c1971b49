"""`hybrid sell`: one lot by a person's word, sold by the buyer or written off in the ledger."""

import json
import uuid
from decimal import Decimal, InvalidOperation

from redis import Redis

from ops.operator.controls import who
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import Lot, written_off_postings
from shared.domain.ledger_write import BalanceGuard, LedgerRecord, LedgerWrite, RefusedWrite, StaleLedger
from shared.domain.money import Shares, Usdc, from_micro, to_micro
from shared.domain.record_kinds import EXITS, INTENTS, LOTS, ORDERS, SALES, WRITTEN_OFF
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import fact_id
from shared.messages.trades import TradeBooked, trades_stream

SHORTEST = 6
"""Characters of a name that are enough, where they name one lot."""
TRIES = 5


def find_lot(redis: Redis, mode: str, named: str) -> Lot:
    """Return the one open lot that a name begins: LEADER:TOKEN, its leader, or its token.

    Raises:
        BadConfig: none, or several; with their names.
    """
    lots, wanted = open_lots(RedisLedger(redis, mode)), named.strip().lower()
    found = [lot for lot in lots if any(name.startswith(wanted) for name in (lot.key, lot.token_id))]
    if len(wanted) >= SHORTEST and len(found) == 1:
        return found[0]
    shown = "; ".join(f"{lot.key} ({from_micro(lot.shares)} of {lot.title or 'a market'})" for lot in found or lots)
    what = "names several lots" if len(found) > 1 else "names no open lot"
    raise BadConfig(f"{named} {what} of {mode}: give one of {shown or 'none: nothing is held'}")


def read_floor(text: str) -> int:
    """Return a typed price in micro-units.

    Raises:
        BadConfig: it is none between 0 and 1.
    """
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal(-1)
    if not (price.is_finite() and 0 <= price < 1):
        raise BadConfig(f"--floor {text}: a price from 0 to below 1, such as 0.05")
    return to_micro(price)


def sell(redis: Redis, mode: str, lot: Lot, floor: int | None, why: str, now_ms: int) -> str:
    """Tell the buyer to sell a lot, not below `floor` where one was typed; return what will happen."""
    note = {"floor": floor, "who": who(), "why": why, "at_ms": now_ms}
    record = LedgerRecord(SALES, lot.key, json.dumps(note))
    RedisLedger(redis, mode).commit(LedgerWrite(id=f"sale:{uuid.uuid4()}", records=(record,)))
    least = "above its floor" if floor is None else f"at {from_micro(floor)} or better"
    return (
        f"{mode}: {from_micro(lot.shares)} shares of {lot.title or lot.token_id} are to be sold {least}, once a buyer "
        "runs; what is below the market's minimum waits for redemption, or --write-off takes it out of the ledger"
    )


def write_off(redis: Redis, mode: str, lot: Lot, why: str, now_ms: int) -> str:
    """Take a lot out of the ledger at a loss of all it cost; what is in the wallet stays there.

    Raises:
        BadConfig: an order of it is under way, or the ledger changes all the time.
    """
    ledger = RedisLedger(redis, mode)
    for _ in range(TRIES):
        if any(lot.token_id in text for kind in (INTENTS, ORDERS) for text in ledger.records(kind).values()):
            raise BadConfig(f"an order of {lot.key} is under way: write it off when that has ended")
        seq = ledger.accounts().seq
        lot = next((each for each in open_lots(ledger) if each.key == lot.key), lot)
        result = ledger.commit(_forgotten(mode, lot, why, now_ms, seq))
        if not isinstance(result, StaleLedger | RefusedWrite):
            return f"{mode}: {lot.key} is written off: {from_micro(lot.shares)} shares that cost {from_micro(lot.cost)}"
    raise BadConfig(f"{lot.key} changes all the time: pause the buyer (hybrid pause --what all) and try again")


def _forgotten(mode: str, lot: Lot, why: str, now_ms: int, seq: int) -> LedgerWrite:
    note = {"who": who(), "why": why, "at_ms": now_ms, "shares": lot.shares, "cost": lot.cost}
    names = (f"shares:{lot.key}", f"cost:{lot.key}")
    return LedgerWrite(
        id=f"written-off:{uuid.uuid4()}",
        postings=written_off_postings(lot, now_ms),
        guards=tuple(BalanceGuard(name, at_least=0, at_most=0) for name in names),
        records=(
            *(LedgerRecord(kind, lot.key, None) for kind in (LOTS, EXITS, SALES)),
            LedgerRecord(WRITTEN_OFF, f"{lot.key}:{now_ms}", json.dumps(note)),
        ),
        events=((trades_stream(mode), _written_off(mode, lot, why, now_ms)),),
        expected_seq=seq,
    )


def _written_off(mode: str, lot: Lot, why: str, now_ms: int) -> TradeBooked:
    return TradeBooked(
        id=fact_id("trade", "written-off", lot.key, now_ms),
        emitted_at_ms=now_ms,
        mode="live" if mode == "live" else "paper",
        kind="WRITE_OFF",
        leader=lot.leader,
        token_id=lot.token_id,
        condition_id=lot.condition_id,
        outcome_index=lot.outcome_index,
        title=lot.title,
        shares=Shares(lot.shares),
        usdc=Usdc(0),
        fee=Usdc(0),
        cost=Usdc(lot.cost),
        realized=Usdc(-lot.cost),
        reason=why,
    )
