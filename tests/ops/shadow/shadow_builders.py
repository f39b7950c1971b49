"""Trades, lots and marks of one ledger, by market."""

from typing import Any

from shared.domain.ledger_accounts import Lot
from shared.domain.money import Shares, Usdc
from shared.messages.account import LotMark, LotMarks
from shared.messages.base import fact_id
from shared.messages.trades import TradeBooked
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS

BEGAN_MS = NOW_MS


def market(number: int) -> str:
    return f"0x{number:064x}"


def a_trade(
    number: int, kind: str = "BUY", realized: str = "0", at_ms: int = BEGAN_MS + 1, **changes: Any
) -> TradeBooked:
    """Return a trade of 10 shares at 5 pUSD in a market."""
    given: dict[str, Any] = {
        "id": fact_id("trade", number, kind, at_ms),
        "emitted_at_ms": at_ms,
        "mode": "paper",
        "kind": kind,
        "leader": LEADER,
        "token_id": str(number),
        "condition_id": market(number),
        "outcome_index": 0,
        "shares": D(10),
        "usdc": D(5),
        "fee": Usdc(0),
        "cost": D(5),
        "realized": D(realized),
        **changes,
    }
    return TradeBooked(**given)


def a_round(number: int, realized: str) -> list[TradeBooked]:
    """Return a buy and what its market paid."""
    return [a_trade(number), a_trade(number, "REDEEM", realized, BEGAN_MS + 2)]


def a_lot(number: int) -> Lot:
    return Lot(
        leader=LEADER,
        token_id=str(number),
        condition_id=market(number),
        outcome_index=0,
        title="Will it?",
        shares=D(10),
        cost=D(5),
        opened_at_ms=BEGAN_MS + 1,
    )


def some_marks(**values: str) -> LotMarks:
    """Return marks by market: `m3="6"` values the lot of market 3."""
    marks = tuple(
        LotMark(
            key=a_lot(int(name[1:])).key,
            shares=Shares(D(10)),
            at_ms=BEGAN_MS,
            paid=Usdc(D(value)),
            value=Usdc(D(value)),
        )
        for name, value in values.items()
    )
    return LotMarks(at_ms=BEGAN_MS, every_ms=5000, marks=marks)
