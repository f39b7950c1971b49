"""The accounts of the ledger and what each step posts to them. Pure.

| account | holds, in micro-units |
|---|---|
| `cash` | collateral free to spend |
| `day:YYYYMMDD` | spent on that UTC day, fees and open intents included |
| `market:<condition>` | cost of the open lots and open intents of one market |
| `shares:<leader>:<token>` | shares held because of one leader (a lot) |
| `cost:<leader>:<token>` | what those shares cost, fees included |
| `behind:<leader>:<token>` | what the leader holds beside our lot: his position at first sight, then each trade |
| `outcome:<condition>:<index>` | as `market:`, of one outcome; lots of before it was kept stand in none |
| `event:<id>` `group:<id>` `leader:<leader>` `total` | as `market:`, of one event, neg-risk event, leader, and all |
| `realized`, `realized:<leader>` | profit and loss of what was sold or redeemed |
| `pnl:YYYYMMDD` | the part of `realized` that was booked on that UTC day |
| `sells_only:<leader>` | 1 while nothing more is bought because of one leader, who was unfollowed (a count) |
| `peak:<leader>` | the highest that `realized:<leader>` ever was (the ledger raises it in the same step) |
| `fees` | taker fees paid |
| `fees:YYYYMMDD` | the part of them that was booked on that UTC day |
| `rate:minute` `rate:orders` | a UTC minute's number, and the buys sent in it (counts, no amounts) |
| `halt` `pause_all` `pause_buys` `flatten` `halt_redemptions` | 1 while that control is on |
| `deposited` | the bankroll that was put in: cash, cost and reserves less `realized` always come to it |
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct

from shared.messages.redemptions import RedemptionResult

CASH = "cash"
DEPOSITED = "deposited"
FEES = "fees"
HALT = "halt"
PAUSE_ALL = "pause_all"
PAUSE_BUYS = "pause_buys"
FLATTEN = "flatten"
HALT_REDEMPTIONS = "halt_redemptions"
REALIZED = "realized"
DAY_MS = 86_400_000
TOTAL = "total"
SHARES, COST = "shares:", "cost:"
"""How the accounts of a lot's shares and cost begin; its key follows."""
RATE_MINUTE = "rate:minute"
RATE_ORDERS = "rate:orders"
COUNTS = frozenset({HALT, PAUSE_ALL, PAUSE_BUYS, FLATTEN, RATE_MINUTE, RATE_ORDERS})
"""Accounts that count something: not micro-units."""

Postings = tuple[tuple[str, int], ...]


class Lot(Struct, frozen=True):
    """Shares held because of one leader; `shares` and `cost` in micro-units.

    `behind` is how many shares of the leader's own it follows. `event_id` and `group` name the exposures that its cost
    stands in; '' in lots of before those were kept.
    """

    leader: str
    token_id: str
    condition_id: str
    outcome_index: int
    title: str
    shares: int
    cost: int
    event_id: str = ""
    group: str = ""
    opened_at_ms: int = 0
    behind: int = 0

    @property
    def key(self) -> str:
        """Name the lot."""
        return lot_key(self.leader, self.token_id)


def lot_key(leader: str, token_id: str) -> str:
    """Name the lot of one leader and token."""
    return f"{leader}:{token_id}"


def pnl_account(now_ms: int) -> str:
    """Name what was realized on the UTC day that holds `now_ms`."""
    return days_accounts(now_ms // DAY_MS)[1]


@lru_cache(maxsize=64)
def days_accounts(number: int) -> tuple[str, str, str]:
    """Name what was spent, what was realized and which fees were paid on a UTC day, counted from 1970."""
    day = f"{datetime.fromtimestamp(number * DAY_MS / 1000, UTC):%Y%m%d}"
    return f"day:{day}", f"pnl:{day}", f"fees:{day}"


def market_account(condition_id: str) -> str:
    """Name a market's exposure."""
    return f"market:{condition_id}"


def outcome_account(condition_id: str, index: int) -> str:
    """Name the exposure of one outcome of a market."""
    return f"outcome:{condition_id}:{index}"


def shares_account(leader: str, token_id: str) -> str:
    """Name a lot's shares."""
    return SHARES + lot_key(leader, token_id)


def cost_account(leader: str, token_id: str) -> str:
    """Name a lot's cost."""
    return COST + lot_key(leader, token_id)


def realized_account(leader: str) -> str:
    """Name what one leader brought or lost us."""
    return f"realized:{leader}"


def behind_account(leader: str, token_id: str) -> str:
    """Name the leader's own shares that a lot follows."""
    return f"behind:{lot_key(leader, token_id)}"


def sells_only_account(leader: str) -> str:
    """Name what says that a leader's buys are not followed any more."""
    return f"sells_only:{leader}"


def peak_account(leader: str) -> str:
    """Name the most that one leader ever had brought us."""
    return f"peak:{leader}"


def exposure_accounts(leader: str, condition_id: str, event_id: str, group: str) -> tuple[str, ...]:
    """Name every account that holds a lot's cost; a lot of before events were kept stands in its market's only."""
    if not event_id:
        return (market_account(condition_id),)
    wider = (market_account(condition_id), f"event:{event_id}", f"leader:{leader}", TOTAL)
    return (*wider, f"group:{group}") if group else wider


def peaks_of(postings: Postings) -> tuple[tuple[str, str], ...]:
    """Return, for a step that realizes something, each leader's result and the account of its peak."""
    realized = (account for account, _ in postings if account.startswith("realized:"))
    return tuple((account, peak_account(account.removeprefix("realized:"))) for account in realized)


def redemption_postings(result: RedemptionResult) -> Postings:
    """Return what a redemption posts: lots leave at their cost, their payout comes in, the difference is realized.

    What shares outside of our lots brought is in the wallet, and not in the bankroll.
    """
    realized = result.realized
    postings: list[tuple[str, int]] = [
        (CASH, result.paid - result.outside),
        (REALIZED, realized),
        (pnl_account(result.emitted_at_ms), realized),
    ]
    for lot in result.lots:
        cost, payout = lot.cost, lot.payout
        postings += [
            (shares_account(lot.leader, lot.token_id), -lot.shares),
            (cost_account(lot.leader, lot.token_id), -cost),
            *((name, -cost) for name in exposure_accounts(lot.leader, result.condition_id, lot.event_id, lot.group)),
            (outcome_account(result.condition_id, lot.outcome_index), -cost),
            (behind_account(lot.leader, lot.token_id), -lot.behind),
            (realized_account(lot.leader), payout - cost),
        ]
    return merged_postings(postings)


def written_off_postings(lot: Lot, now_ms: int) -> Postings:
    """Return what taking a lot out of the ledger posts: all that it cost is lost, and no exposure is left."""
    return merged_postings(
        (
            (shares_account(lot.leader, lot.token_id), -lot.shares),
            (cost_account(lot.leader, lot.token_id), -lot.cost),
            (behind_account(lot.leader, lot.token_id), -lot.behind),
            *((name, -lot.cost) for name in exposure_accounts(lot.leader, lot.condition_id, lot.event_id, lot.group)),
            (REALIZED, -lot.cost),
            (pnl_account(now_ms), -lot.cost),
            (realized_account(lot.leader), -lot.cost),
        )
    )


def merged_postings(postings: Iterable[tuple[str, int]]) -> Postings:
    """Return one posting for each account, zero ones left out."""
    each = tuple(postings)
    totals = dict(each)
    if len(totals) < len(each):
        totals.clear()
        for account, delta in each:
            totals[account] = totals.get(account, 0) + delta
    return tuple(totals.items()) if all(totals.values()) else tuple([each for each in totals.items() if each[1]])
