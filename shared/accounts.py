"""The accounts of the ledger and what each step posts to them. Pure.

| account | holds, in micro-units |
|---|---|
| `cash` | collateral free to spend |
| `day:YYYYMMDD` | spent on that UTC day, fees and open intents included |
| `market:<condition>` | cost of the open lots and open intents of one market |
| `shares:<leader>:<token>` | shares held because of one leader (a lot) |
| `cost:<leader>:<token>` | what those shares cost, fees included |
| `realized`, `realized:<leader>` | profit and loss of what was sold or redeemed |
| `fees` | taker fees paid |
| `halt` | 1 while the kill switch is on |
| `deposited` | the bankroll that was put in: cash, cost and reserves less `realized` always come to it |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from shared.events import RedemptionResult
from shared.money import to_micro

CASH = "cash"
DEPOSITED = "deposited"
FEES = "fees"
HALT = "halt"
REALIZED = "realized"
_DAY_MS = 86_400_000

Postings = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Lot:
    """Shares held because of one leader; `shares` and `cost` in micro-units."""

    leader: str
    token_id: str
    condition_id: str
    outcome_index: int
    title: str
    shares: int
    cost: int

    @property
    def key(self) -> str:
        """Name the lot."""
        return lot_key(self.leader, self.token_id)


def lot_key(leader: str, token_id: str) -> str:
    """Name the lot of one leader and token."""
    return f"{leader}:{token_id}"


def day_account(now_ms: int) -> str:
    """Name the account of the UTC day that holds `now_ms`."""
    return _day(now_ms // _DAY_MS)


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return f"day:{datetime.fromtimestamp(number * _DAY_MS / 1000, UTC):%Y%m%d}"


def market_account(condition_id: str) -> str:
    """Name a market's exposure."""
    return f"market:{condition_id}"


def shares_account(leader: str, token_id: str) -> str:
    """Name a lot's shares."""
    return f"shares:{lot_key(leader, token_id)}"


def cost_account(leader: str, token_id: str) -> str:
    """Name a lot's cost."""
    return f"cost:{lot_key(leader, token_id)}"


def realized_account(leader: str) -> str:
    """Name what one leader brought or lost us."""
    return f"realized:{leader}"


def redemption_postings(result: RedemptionResult) -> Postings:
    """Return what a redemption posts: lots leave at their cost, the payout comes in, the difference is realized."""
    postings: list[tuple[str, int]] = [(CASH, to_micro(result.paid)), (REALIZED, to_micro(result.realized))]
    for lot in result.lots:
        cost, payout = to_micro(lot.cost), to_micro(lot.payout)
        postings += [
            (shares_account(lot.leader, lot.token_id), -to_micro(lot.shares)),
            (cost_account(lot.leader, lot.token_id), -cost),
            (market_account(result.condition_id), -cost),
            (realized_account(lot.leader), payout - cost),
        ]
    return merged(postings)


def merged(postings: Iterable[tuple[str, int]]) -> Postings:
    """Return one posting for each account, zero ones left out."""
    totals: dict[str, int] = {}
    for account, delta in postings:
        totals[account] = totals.get(account, 0) + delta
    return tuple((account, delta) for account, delta in totals.items() if delta)
