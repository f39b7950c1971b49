"""The part of the ledger that a signal touches, and the portfolio that its balances make. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import repeat
from typing import Any

from msgspec import Struct
from msgspec.json import decode

from buyer.strategy.limits import TradingLimits
from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_write import Kept
from shared.domain.market import MarketFacts
from shared.domain.money import Usdc
from shared.domain.record_kinds import EXITS, GATHERED, LEFT, LOTS, STAKED
from shared.messages.decisions import (
    BuyEngineDecision,
    ExitTask,
    Gathered,
    HeldLot,
    LeaderSales,
    LotExit,
    Portfolio,
    Staked,
)
from shared.messages.value_codec import kept_text, kept_value

BOTH = frozenset({0, 1})
"""The outcomes of every market of the venue."""
NEVER = 1 << 62
"""Since when a record counts that no window asks for."""
_ALL_LOTS = (
    accounts.CASH,
    accounts.DEPOSITED,
    accounts.REALIZED,
    accounts.TOTAL,
    accounts.HALT,
    accounts.PAUSE_ALL,
    accounts.PAUSE_BUYS,
    accounts.FLATTEN,
    accounts.RATE_MINUTE,
    accounts.RATE_ORDERS,
)
"""What is the same for all lots, as `portfolio_of` takes it."""


class LedgerNames(Struct, frozen=True, eq=False):
    """The names of what a signal touches of the ledger, for one lot on one day; one object for each, kept."""

    leader: str
    token_id: str
    condition_id: str
    event_id: str
    group: str
    lot: str
    gathering: str
    """The record of the leader's small buys of this token."""
    day: str
    market: str
    shares: str
    cost: str
    event: str
    wider: str
    """What is at risk in the market's neg-risk event."""
    of_leader: str
    pnl: str
    fees: str
    realized: str
    outcome: str
    """What is at risk in the token, over all leaders; '' where its place in the market is not known."""
    other_outcome: str
    """The same of the market's other token."""
    accounts: tuple[str, ...]
    """Every account that `portfolio_of` reads."""
    records: tuple[tuple[str, str], ...]
    """Every record that it reads."""
    exposed: tuple[str, ...]
    """Accounts that hold the lot's cost."""


class LedgerScope(Struct, frozen=True, gc=False):
    """What of the ledger a signal touches: read in one go before deciding.

    `minute` numbers the UTC minute of the decision; what was gathered, bought and sold whole before
    `gathered_since_ms`, `staked_since_ms` and `left_since_ms` does not count (`NEVER`: none does), nor the other
    outcome without `both_outcomes`.
    """

    names: LedgerNames
    minute: int
    gathered_since_ms: int
    staked_since_ms: int
    left_since_ms: int
    both_outcomes: bool = False


@lru_cache(maxsize=4096)
def _names(
    leader: str, token_id: str, condition_id: str, event_id: str, group: str, place: int | None, day_number: int
) -> LedgerNames:
    lot = accounts.lot_key(leader, token_id)
    day, pnl, fees = accounts.days_accounts(day_number)
    of_lot = (
        day,
        market := accounts.market_account(condition_id),
        shares := accounts.shares_account(leader, token_id),
        cost := accounts.cost_account(leader, token_id),
        event := f"event:{event_id}",
        wider := f"group:{group}",
        of_leader := f"leader:{leader}",
        pnl,
        realized := accounts.realized_account(leader),
        accounts.peak_account(leader),
        accounts.behind_account(leader, token_id),
        accounts.sells_only_account(leader),
    )
    outcome, other = _outcomes(condition_id, place)
    exposed = accounts.exposure_accounts(leader, condition_id, event_id, group)
    return LedgerNames(
        leader=leader,
        token_id=token_id,
        condition_id=condition_id,
        event_id=event_id,
        group=group,
        lot=lot,
        gathering=f"{lot}:BUY",
        day=day,
        market=market,
        shares=shares,
        cost=cost,
        event=event,
        wider=wider,
        of_leader=of_leader,
        pnl=pnl,
        fees=fees,
        realized=realized,
        outcome=outcome,
        other_outcome=other,
        accounts=tuple(filter(None, (*of_lot, *_ALL_LOTS, other))),
        records=(
            (LOTS, lot),
            (GATHERED, f"{lot}:BUY"),
            (EXITS, lot),
            (STAKED, lot),
            (LEFT, token_id),
            (GATHERED, f"{lot}:SELL"),
        ),
        exposed=(*exposed, outcome) if outcome else exposed,
    )


def _outcomes(condition_id: str, place: int | None) -> tuple[str, str]:
    """Name the exposures of a token and of the other one of its market; '' where its place is not known."""
    if place not in BOTH:
        return "", ""
    return accounts.outcome_account(condition_id, place), accounts.outcome_account(condition_id, 1 - place)


def scope_of(
    leader: str,
    token_id: str,
    facts: MarketFacts | None,
    now_ms: int,
    limits: TradingLimits | None = None,
    market: str = "",
) -> LedgerScope:
    """Return what a decision on this lot looks at; without facts its event's exposures read as 0.

    `market` is the lot's where no facts name it. Without `limits` nothing is looked at that counts for a time only.
    """
    day_number = now_ms // accounts.DAY_MS
    if facts is None:
        names = _names(leader, token_id, market, "", "", None, day_number)
    else:
        group = facts.event_id if facts.neg_risk else ""
        names = _names(leader, token_id, facts.condition_id, facts.event_id, group, facts.outcome_index, day_number)
    minute = now_ms // 60_000
    if limits is None:
        return LedgerScope(names, minute, NEVER, NEVER, NEVER)
    gather_s, stake_s, cooldown_s = limits.gather_window_s, limits.stake_window_s, limits.cooldown_s
    return LedgerScope(
        names,
        minute,
        now_ms - gather_s * 1000 if gather_s else NEVER,
        now_ms - stake_s * 1000 if stake_s else NEVER,
        now_ms - cooldown_s * 1000 if cooldown_s else NEVER,
        limits.other_outcome != "buy",
    )


def portfolio_of(
    scope: LedgerScope, seq: int, values: Mapping[str, int], records: Mapping[tuple[str, str], Kept]
) -> Portfolio:
    """Return the balances as the decision records them, of the ledger's step `seq`."""
    names = scope.names
    lot, gathered, task, staked, left, sales = map(records.get, names.records)
    found: list[Any] = list(map(values.get, names.accounts, repeat(0)))
    (
        today, market, shares, cost, event, group, leader, gain, leaders, peak, behind, sells_only,
        cash, deposited, realized, total, halt, pause_all, pause_buys, flatten, minute, sent, *_,
    ) = found  # fmt: skip
    holding = bool(cost or shares)
    return Portfolio(
        seq=seq,
        cash=cash,
        spent_today=today,
        market_exposure=market,
        lot_shares=shares,
        lot_cost=cost,
        halted=bool(halt),
        paused="all" if pause_all else "buys" if pause_buys else "",
        flattening=bool(flatten),
        event_exposure=event,
        group_exposure=group,
        leader_exposure=leader,
        total_exposure=total,
        bankroll=deposited + realized,
        realized_today=gain,
        leader_realized=leaders,
        leader_peak=peak,
        behind=behind,
        minute=minute,
        orders_sent=sent,
        lot=_held_lot(lot) if holding and lot is not None else None,
        gathered=_recent(gathered, scope.gathered_since_ms) if gathered else None,
        exit=kept_value(task, ExitTask) if task and holding else None,
        staked=_staked_since(staked, scope.staked_since_ms) if staked else None,
        left=_left_since(left, scope.left_since_ms) if left else None,
        other_outcome=_above_zero(values.get(names.other_outcome, 0)) if scope.both_outcomes else None,
        sales=kept_value(sales, LeaderSales) if sales else None,
        unfollowed=bool(sells_only),
    )


@lru_cache(maxsize=4096)
def _held_lot(kept: Kept) -> HeldLot:
    facts = decode(kept_text(kept))
    return HeldLot(
        opened_at_ms=facts.get("opened_at_ms", 0), event_id=facts.get("event_id", ""), group=facts.get("group", "")
    )


def _recent(kept: Kept, since_ms: int) -> Gathered | None:
    found = kept_value(kept, Gathered) if since_ms < NEVER else None
    return found if found and found.since_ms > since_ms else None


def _staked_since(kept: Kept, since_ms: int) -> Staked | None:
    found = kept_value(kept, Staked) if since_ms < NEVER else None
    return found if found and found.at_ms > since_ms else None


def _left_since(kept: Kept, since_ms: int) -> LotExit | None:
    found = kept_value(kept, LotExit) if since_ms < NEVER else None
    return found if found and found.at_ms > since_ms else None


def _above_zero(at_risk: int) -> Usdc | None:
    return Usdc(at_risk) if at_risk > 0 else None


def scope_of_draft(decision: BuyEngineDecision) -> LedgerScope:
    """Return the accounts of a decision as they were named when its intent was written, also after midnight."""
    return scope_of(decision.leader, decision.token_id, decision.inputs.market, decision.inputs.now_ms)
