"""What each step of an order posts to the ledger. Pure.

A buy reserves its whole budget before the order is sent, so every cap counts what is not confirmed yet (trap 19); what
the order did not use goes back when the outcome is known. A sell takes its shares out of the lot first, so nothing is
sold twice.
"""

import json
from functools import lru_cache
from typing import NamedTuple

from buyer.limits import Limits
from shared import accounts
from shared.accounts import Lot, Postings, exposures, merged
from shared.events import BuyEngineDecision, ExitTask, Gathered, HeldLot, Order, Outcome, Portfolio
from shared.ledger_records import EXITS, GATHERED, LOTS
from shared.market import MarketFacts
from shared.money import from_micro, to_micro
from shared.switch import STOPS
from shared.writes import Balances, Guard, Tally

_OTHERS = (*sorted(accounts.COUNTS), accounts.DEPOSITED, accounts.REALIZED)


class Scope(NamedTuple):
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
    def names(self) -> "Names":
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


class Names(NamedTuple):
    """What of the ledger `portfolio_of` reads for one lot on one day."""

    amounts: dict[str, str]
    accounts: tuple[str, ...]
    records: tuple[tuple[str, str], ...]
    exposed: tuple[str, ...]
    """Accounts that hold the lot's cost."""


@lru_cache(maxsize=4096)
def _names(leader: str, token_id: str, condition_id: str, day: str, event_id: str, group: str, pnl: str) -> Names:
    scope = Scope(leader, token_id, condition_id, day, event_id, group, pnl)
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
    exposed = accounts.exposures(leader, condition_id, event_id, group)
    return Names(amounts, (*amounts.values(), *_OTHERS), records, exposed)


def scope_of(leader: str, token_id: str, facts: MarketFacts | None, now_ms: int, gather_window_s: int = 0) -> Scope:
    """Return what a decision on this lot looks at; without facts its market's and event's exposures read as 0."""
    condition_id, event_id, group = _places(facts) if facts else ("", "", "")
    day, pnl = accounts.days_accounts(now_ms // accounts.DAY_MS)
    since_ms = now_ms - gather_window_s * 1000
    return Scope(leader, token_id, condition_id, day, event_id, group, pnl, now_ms // 60_000, since_ms)


def _places(facts: MarketFacts) -> tuple[str, str, str]:
    return facts.condition_id, facts.event_id, facts.event_id if facts.neg_risk else ""


def portfolio_of(scope: Scope, balances: Balances) -> Portfolio:
    """Return the balances as the decision records them."""
    records, names, value = balances.records, scope.names, balances.values.get
    lot, gathered, task = map(records.get, names.records)
    amounts = [from_micro(value(account, 0)) for account in names.amounts.values()]
    cash, today, market, shares, cost, event, group, leader, total, gain, realized, peak, behind = amounts
    holding = bool(cost or shares)
    return Portfolio.of_checked(
        seq=balances.seq,
        cash=cash,
        spent_today=today,
        market_exposure=market,
        lot_shares=shares,
        lot_cost=cost,
        halted=bool(value(accounts.HALT)),
        paused="all" if value(accounts.PAUSE_ALL) else "buys" if value(accounts.PAUSE_BUYS) else "",
        flattening=bool(value(accounts.FLATTEN)),
        event_exposure=event,
        group_exposure=group,
        leader_exposure=leader,
        total_exposure=total,
        bankroll=from_micro(value(accounts.DEPOSITED, 0) + value(accounts.REALIZED, 0)),
        realized_today=gain,
        leader_realized=realized,
        leader_peak=peak,
        behind=behind,
        minute=value(accounts.RATE_MINUTE, 0),
        orders_sent=value(accounts.RATE_ORDERS, 0),
        lot=_held_lot(lot) if holding and lot is not None else None,
        gathered=_recent(gathered, scope.gathered_since_ms),
        exit=ExitTask.model_validate_json(task, extra="ignore") if task and holding else None,
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
    return Gathered.model_validate_json(text)


def scope_of_draft(decision: BuyEngineDecision) -> Scope:
    """Return the accounts of a decision as they were named when its intent was written, also after midnight."""
    return scope_of(decision.leader, decision.token_id, decision.inputs.market, decision.inputs.now_ms)


def reserve(order: Order, scope: Scope) -> Postings:
    """Return what an intent sets aside."""
    if order.side == "SELL":
        return ((accounts.shares_account(scope.leader, scope.token_id), -to_micro(order.shares)),)
    budget = to_micro(order.budget)
    return ((accounts.CASH, -budget), (scope.day, budget), *((account, budget) for account in scope.names.exposed))


def counted(order: Order, scope: Scope) -> tuple[Tally, ...]:
    """Return how a buy's intent counts itself in the minute's orders: in the ledger's own step, whoever else buys."""
    return () if order.side == "SELL" else (Tally(accounts.RATE_MINUTE, accounts.RATE_ORDERS, scope.minute),)


def guards(order: Order, scope: Scope, limits: Limits, before: Portfolio | None) -> tuple[Guard, ...]:
    """Return what must hold at the very moment of the intent, whatever changed since it was decided on `before`."""
    if order.side == "SELL":
        return (*_OFF["SELL"], Guard(accounts.shares_account(scope.leader, scope.token_id), at_least=0))
    caps = _caps(limits)
    least = 1 + _peak(before) - caps.drawdown
    return (
        *_capped(scope.key, caps),
        Guard(accounts.realized_account(scope.leader), at_least=least),
        Guard(accounts.RATE_ORDERS, at_most=limits.max_orders_per_minute),
    )


@lru_cache(maxsize=4096)
def _capped(key: tuple[str, str, str, str, str, str, str], caps: "Caps") -> tuple[Guard, ...]:
    scope = Scope(*key)
    exposed = scope.exposures
    return (
        *_OFF["BUY"],
        Guard(accounts.CASH, at_least=0),
        Guard(scope.day, at_most=caps.day),
        Guard(exposed["market_exposure"], at_most=caps.market),
        Guard(exposed["event_exposure"], at_most=caps.event),
        Guard(exposed["leader_exposure"], at_most=caps.leader),
        Guard(exposed["total_exposure"], at_most=caps.total),
        *((Guard(exposed["group_exposure"], at_most=caps.group),) if scope.group else ()),
        Guard(scope.pnl, at_least=1 - caps.day_loss),
    )


class Caps(NamedTuple):
    """The limits that guard a buy, in micro-units."""

    day: int
    market: int
    event: int
    leader: int
    total: int
    group: int
    day_loss: int
    drawdown: int


@lru_cache(maxsize=1024)
def _caps(limits: Limits) -> Caps:
    return Caps(
        day=to_micro(limits.max_day_usdc),
        market=to_micro(limits.max_market_usdc),
        event=to_micro(limits.max_event_usdc),
        leader=to_micro(limits.max_leader_usdc),
        total=to_micro(limits.max_total_usdc),
        group=to_micro(limits.max_group_usdc),
        day_loss=to_micro(limits.max_day_loss_usdc),
        drawdown=to_micro(limits.max_drawdown_usdc),
    )


def _peak(before: Portfolio | None) -> int:
    """Return the leader's best result so far, which only rises: the one seen when deciding is the least it is now."""
    return to_micro(before.leader_peak) if before else 0


_OFF = {side: tuple(Guard(control, at_most=0) for control in controls) for side, controls in STOPS.items()}


def settle(order: Order, outcome: Outcome, scope: Scope, before: Portfolio) -> Postings:
    """Return what a known outcome posts, on top of what its intent set aside."""
    if order.side == "SELL":
        return _settle_sell(order, outcome, scope, before)
    return _settle_buy(order, outcome, scope)


def _settle_buy(order: Order, outcome: Outcome, scope: Scope) -> Postings:
    fee = to_micro(outcome.fee)
    cost = to_micro(outcome.usdc) + fee
    unused, amounts = to_micro(order.budget) - cost, scope.names.amounts
    return merged(
        (
            (accounts.CASH, unused),
            (scope.day, -unused),
            *((account, -unused) for account in scope.names.exposed),
            (amounts["lot_shares"], to_micro(outcome.shares)),
            (amounts["lot_cost"], cost),
            (accounts.FEES, fee),
        )
    )


def _settle_sell(order: Order, outcome: Outcome, scope: Scope, before: Portfolio) -> Postings:
    sold, fee = to_micro(outcome.shares), to_micro(outcome.fee)
    proceeds = to_micro(outcome.usdc) - fee
    basis = basis_of(sold, before)
    lot = before.lot or HeldLot(opened_at_ms=0, event_id=scope.event_id, group=scope.group)
    stood = exposures(scope.leader, scope.condition_id, lot.event_id, lot.group)
    return merged(
        (
            (accounts.CASH, proceeds),
            (accounts.shares_account(scope.leader, scope.token_id), to_micro(order.shares) - sold),
            (accounts.cost_account(scope.leader, scope.token_id), -basis),
            *((account, -basis) for account in stood),
            (accounts.REALIZED, proceeds - basis),
            (scope.pnl, proceeds - basis),
            (accounts.realized_account(scope.leader), proceeds - basis),
            (accounts.FEES, fee),
        )
    )


def basis_of(sold: int, before: Portfolio) -> int:
    """Return the cost of `sold` micro-shares: their part of the lot, all of it when nothing is left."""
    held, cost = to_micro(before.lot_shares), to_micro(before.lot_cost)
    return cost if sold >= held else cost * sold // held


def lot_of(order: Order, facts: MarketFacts, decision: BuyEngineDecision) -> Lot:
    """Return the lot that a buy opens or grows."""
    held = decision.inputs.portfolio.lot if decision.inputs.portfolio else None
    opened_at_ms = held.opened_at_ms if held else decision.inputs.now_ms
    group = facts.event_id if facts.neg_risk else ""
    return Lot(
        order.leader, order.token_id, order.condition_id, facts.outcome_index, facts.title, 0, 0,
        facts.event_id, group, opened_at_ms,
    )  # fmt: skip
