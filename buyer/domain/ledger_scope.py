"""The part of the ledger that a signal touches, and the portfolio that its balances make. Pure."""

import json
from functools import lru_cache
from typing import NamedTuple

from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_write import Balances
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc
from shared.domain.record_kinds import EXITS, GATHERED, LOTS
from shared.messages.decisions import BuyEngineDecision, ExitTask, Gathered, HeldLot, Portfolio
from shared.messages.value_codec import codec_of

_OTHERS = (*sorted(accounts.COUNTS), accounts.DEPOSITED, accounts.REALIZED)


class LedgerScope(NamedTuple):
    """What of the ledger a signal touches: read in one go before deciding.

    `minute` numbers the UTC minute of the decision; trades gathered since before `gathered_since_ms` do not count.
    """

    leader: str
    token_id: str
    condition_id: str
    day: str
    event_id: str = ""
    group: str = ""
    pnl: str = ""
    minute: int = 0
    gathered_since_ms: int = 0

    @property
    def lot(self) -> str:
        """Name the lot."""
        return accounts.lot_key(self.leader, self.token_id)

    @property
    def gathering(self) -> str:
        """Name the record of the leader's small buys of this token."""
        return f"{self.lot}:BUY"

    @property
    def exposures(self) -> dict[str, str]:
        """Name the accounts of what is at risk, by what they add up."""
        return {
            "market_exposure": accounts.market_account(self.condition_id),
            "event_exposure": f"event:{self.event_id}",
            "group_exposure": f"group:{self.group}",
            "leader_exposure": f"leader:{self.leader}",
            "total_exposure": accounts.TOTAL,
        }

    @property
    def key(self) -> tuple[str, str, str, str, str, str, str]:
        """Name the part of the ledger: all but the time."""
        return self[:7]

    @property
    def names(self) -> "LedgerNames":
        """Name everything that `portfolio_of` reads."""
        return _names(*self.key)

    @property
    def amounts(self) -> dict[str, str]:
        """Name the accounts in micro-units by their field of `Portfolio`."""
        return self.names.amounts

    @property
    def accounts(self) -> tuple[str, ...]:
        """Name every account that `portfolio_of` reads."""
        return self.names.accounts

    @property
    def records(self) -> tuple[tuple[str, str], ...]:
        """Name every record that `portfolio_of` reads."""
        return self.names.records


class LedgerNames(NamedTuple):
    """What of the ledger `portfolio_of` reads for one lot on one day."""

    amounts: dict[str, str]
    accounts: tuple[str, ...]
    records: tuple[tuple[str, str], ...]
    exposed: tuple[str, ...]
    """Accounts that hold the lot's cost."""


@lru_cache(maxsize=4096)
def _names(leader: str, token_id: str, condition_id: str, day: str, event_id: str, group: str, pnl: str) -> LedgerNames:
    scope = LedgerScope(leader, token_id, condition_id, day, event_id, group, pnl)
    at_risk = scope.exposures
    amounts = {
        "cash": accounts.CASH,
        "spent_today": scope.day,
        "market_exposure": at_risk["market_exposure"],
        "lot_shares": accounts.shares_account(leader, token_id),
        "lot_cost": accounts.cost_account(leader, token_id),
        "event_exposure": at_risk["event_exposure"],
        "group_exposure": at_risk["group_exposure"],
        "leader_exposure": at_risk["leader_exposure"],
        "total_exposure": at_risk["total_exposure"],
        "realized_today": scope.pnl,
        "leader_realized": accounts.realized_account(leader),
        "leader_peak": accounts.peak_account(leader),
        "behind": accounts.behind_account(leader, token_id),
    }
    records = ((LOTS, scope.lot), (GATHERED, scope.gathering), (EXITS, scope.lot))
    exposed = accounts.exposure_accounts(leader, condition_id, event_id, group)
    return LedgerNames(amounts, (*amounts.values(), *_OTHERS), records, exposed)


def scope_of(
    leader: str, token_id: str, facts: MarketFacts | None, now_ms: int, gather_window_s: int = 0
) -> LedgerScope:
    """Return what a decision on this lot looks at; without facts its market's and event's exposures read as 0."""
    condition_id, event_id, group = _places(facts) if facts else ("", "", "")
    day, pnl = accounts.days_accounts(now_ms // accounts.DAY_MS)
    since_ms = now_ms - gather_window_s * 1000
    return LedgerScope(leader, token_id, condition_id, day, event_id, group, pnl, now_ms // 60_000, since_ms)


def _places(facts: MarketFacts) -> tuple[str, str, str]:
    return facts.condition_id, facts.event_id, facts.event_id if facts.neg_risk else ""


def portfolio_of(scope: LedgerScope, balances: Balances) -> Portfolio:
    """Return the balances as the decision records them."""
    records, names, value = balances.records, scope.names, balances.values.get
    lot, gathered, task = map(records.get, names.records)
    amounts = [value(account, 0) for account in names.amounts.values()]
    cash, today, market, shares, cost, event, group, leader, total, gain, realized, peak, behind = amounts
    holding = bool(cost or shares)
    return Portfolio(
        seq=balances.seq,
        cash=Usdc(cash),
        spent_today=Usdc(today),
        market_exposure=Usdc(market),
        lot_shares=Shares(shares),
        lot_cost=Usdc(cost),
        halted=bool(value(accounts.HALT)),
        paused="all" if value(accounts.PAUSE_ALL) else "buys" if value(accounts.PAUSE_BUYS) else "",
        flattening=bool(value(accounts.FLATTEN)),
        event_exposure=Usdc(event),
        group_exposure=Usdc(group),
        leader_exposure=Usdc(leader),
        total_exposure=Usdc(total),
        bankroll=Usdc(value(accounts.DEPOSITED, 0) + value(accounts.REALIZED, 0)),
        realized_today=Usdc(gain),
        leader_realized=Usdc(realized),
        leader_peak=Usdc(peak),
        behind=Shares(behind),
        minute=value(accounts.RATE_MINUTE, 0),
        orders_sent=value(accounts.RATE_ORDERS, 0),
        lot=_held_lot(lot) if holding and lot is not None else None,
        gathered=_recent(gathered, scope.gathered_since_ms),
        exit=codec_of(ExitTask).read(task) if task and holding else None,
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


def scope_of_draft(decision: BuyEngineDecision) -> LedgerScope:
    """Return the accounts of a decision as they were named when its intent was written, also after midnight."""
    return scope_of(decision.leader, decision.token_id, decision.inputs.market, decision.inputs.now_ms)
