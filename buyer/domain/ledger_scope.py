"""The part of the ledger that a signal touches, and the portfolio that its balances make. Pure."""

import json
from functools import lru_cache
from itertools import repeat

from msgspec import Struct

from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_write import Balances
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import EXITS, GATHERED, LOTS
from shared.messages.decisions import BuyEngineDecision, ExitTask, Gathered, HeldLot, LeaderSales, Portfolio
from shared.messages.value_codec import codec_of

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
    realized: str
    accounts: tuple[str, ...]
    """Every account that `portfolio_of` reads."""
    records: tuple[tuple[str, str], ...]
    """Every record that it reads."""
    exposed: tuple[str, ...]
    """Accounts that hold the lot's cost."""


class LedgerScope(Struct, frozen=True, gc=False):
    """What of the ledger a signal touches: read in one go before deciding.

    `minute` numbers the UTC minute of the decision; trades gathered since before `gathered_since_ms` do not count.
    """

    names: LedgerNames
    minute: int
    gathered_since_ms: int


@lru_cache(maxsize=4096)
def _names(leader: str, token_id: str, condition_id: str, event_id: str, group: str, day_number: int) -> LedgerNames:
    lot = accounts.lot_key(leader, token_id)
    day, pnl = accounts.days_accounts(day_number)
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
        realized=realized,
        accounts=(*of_lot, *_ALL_LOTS),
        records=((LOTS, lot), (GATHERED, f"{lot}:BUY"), (EXITS, lot), (GATHERED, f"{lot}:SELL")),
        exposed=accounts.exposure_accounts(leader, condition_id, event_id, group),
    )


def scope_of(
    leader: str, token_id: str, facts: MarketFacts | None, now_ms: int, gather_window_s: int = 0, market: str = ""
) -> LedgerScope:
    """Return what a decision on this lot looks at; without facts its event's exposures read as 0.

    `market` is the lot's where no facts name it.
    """
    day_number = now_ms // accounts.DAY_MS
    if facts is None:
        names = _names(leader, token_id, market, "", "", day_number)
    else:
        group = facts.event_id if facts.neg_risk else ""
        names = _names(leader, token_id, facts.condition_id, facts.event_id, group, day_number)
    return LedgerScope(names, now_ms // 60_000, now_ms - gather_window_s * 1000)


def portfolio_of(scope: LedgerScope, balances: Balances) -> Portfolio:
    """Return the balances as the decision records them."""
    names = scope.names
    lot, gathered, task, sales = map(balances.records.get, names.records)
    (
        today, market, shares, cost, event, group, leader, gain, leaders, peak, behind, sells_only,
        cash, deposited, realized, total, halt, pause_all, pause_buys, flatten, minute, sent,
    ) = map(balances.values.get, names.accounts, repeat(0))  # fmt: skip
    holding = bool(cost or shares)
    return Portfolio(
        seq=balances.seq,
        cash=Usdc(cash),
        spent_today=Usdc(today),
        market_exposure=Usdc(market),
        lot_shares=Shares(shares),
        lot_cost=Usdc(cost),
        halted=bool(halt),
        paused="all" if pause_all else "buys" if pause_buys else "",
        flattening=bool(flatten),
        event_exposure=Usdc(event),
        group_exposure=Usdc(group),
        leader_exposure=Usdc(leader),
        total_exposure=Usdc(total),
        bankroll=Usdc(deposited + realized),
        realized_today=Usdc(gain),
        leader_realized=Usdc(leaders),
        leader_peak=Usdc(peak),
        behind=Shares(behind),
        minute=minute,
        orders_sent=sent,
        lot=_held_lot(lot) if holding and lot is not None else None,
        gathered=_recent(gathered, scope.gathered_since_ms),
        exit=codec_of(ExitTask).read(task) if task and holding else None,
        sales=_sales(sales) if sales else None,
        unfollowed=bool(sells_only),
    )


@lru_cache(maxsize=4096)
def _held_lot(text: str) -> HeldLot:
    facts = json.loads(text)
    return HeldLot(
        opened_at_ms=facts.get("opened_at_ms", 0), event_id=facts.get("event_id", ""), group=facts.get("group", "")
    )


def _recent(text: str | None, since_ms: int) -> Gathered | None:
    found = _gathered(text) if text else None
    return found if found and found.since_ms > since_ms else None


@lru_cache(maxsize=1024)
def _gathered(text: str) -> Gathered:
    return codec_of(Gathered).read(text)


@lru_cache(maxsize=1024)
def _sales(text: str) -> LeaderSales:
    return codec_of(LeaderSales).read(text)


def scope_of_draft(decision: BuyEngineDecision) -> LedgerScope:
    """Return the accounts of a decision as they were named when its intent was written, also after midnight."""
    return scope_of(decision.leader, decision.token_id, decision.inputs.market, decision.inputs.now_ms)
