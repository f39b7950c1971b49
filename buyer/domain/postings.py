"""The postings of each step of an order to the ledger. Pure.

A buy reserves its whole budget before the order is sent, so every cap counts what is not confirmed yet (pitfall 19);
what the order did not use goes back when the outcome is known. A sell takes its shares out of the lot first, so nothing
is sold twice.
"""

from functools import lru_cache
from typing import NamedTuple

from buyer.domain.ledger_scope import LedgerScope
from buyer.strategy.limits import TradingLimits
from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_accounts import Lot, Postings, exposure_accounts, merged_postings
from shared.domain.ledger_write import BalanceGuard, LedgerTally
from shared.domain.market import MarketFacts
from shared.domain.trading_controls import STOPS
from shared.messages.decisions import BuyEngineDecision, HeldLot, Order, Outcome, Portfolio


def reserve_postings(order: Order, scope: LedgerScope) -> Postings:
    """Return what an intent sets aside."""
    if order.side == "SELL":
        return ((accounts.shares_account(scope.leader, scope.token_id), -order.shares),)
    budget = order.budget
    return ((accounts.CASH, -budget), (scope.day, budget), *((account, budget) for account in scope.names.exposed))


def counted_order(order: Order, scope: LedgerScope) -> tuple[LedgerTally, ...]:
    """Return how a buy's intent counts itself in the minute's orders: in the ledger's own step, whoever else buys."""
    return () if order.side == "SELL" else (LedgerTally(accounts.RATE_MINUTE, accounts.RATE_ORDERS, scope.minute),)


def intent_guards(
    order: Order, scope: LedgerScope, limits: TradingLimits, before: Portfolio | None
) -> tuple[BalanceGuard, ...]:
    """Return what must hold at the very moment of the intent, whatever changed since it was decided on `before`."""
    if order.side == "SELL":
        return (*_OFF["SELL"], BalanceGuard(accounts.shares_account(scope.leader, scope.token_id), at_least=0))
    caps = _caps(limits)
    least = 1 + _peak(before) - caps.drawdown
    return (
        *_capped(scope.key, caps),
        BalanceGuard(accounts.realized_account(scope.leader), at_least=least),
        BalanceGuard(accounts.RATE_ORDERS, at_most=limits.max_orders_per_minute),
    )


@lru_cache(maxsize=4096)
def _capped(key: tuple[str, str, str, str, str, str, str], caps: "CapAmounts") -> tuple[BalanceGuard, ...]:
    scope = LedgerScope(*key)
    exposed = scope.exposures
    return (
        *_OFF["BUY"],
        BalanceGuard(accounts.CASH, at_least=0),
        BalanceGuard(scope.day, at_most=caps.day),
        BalanceGuard(exposed["market_exposure"], at_most=caps.market),
        BalanceGuard(exposed["event_exposure"], at_most=caps.event),
        BalanceGuard(exposed["leader_exposure"], at_most=caps.leader),
        BalanceGuard(exposed["total_exposure"], at_most=caps.total),
        *((BalanceGuard(exposed["group_exposure"], at_most=caps.group),) if scope.group else ()),
        BalanceGuard(scope.pnl, at_least=1 - caps.day_loss),
    )


class CapAmounts(NamedTuple):
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
def _caps(limits: TradingLimits) -> CapAmounts:
    return CapAmounts(
        day=limits.max_day_usdc,
        market=limits.max_market_usdc,
        event=limits.max_event_usdc,
        leader=limits.max_leader_usdc,
        total=limits.max_total_usdc,
        group=limits.max_group_usdc,
        day_loss=limits.max_day_loss_usdc,
        drawdown=limits.max_drawdown_usdc,
    )


def _peak(before: Portfolio | None) -> int:
    """Return the leader's best result so far, which only rises: the one seen when deciding is the least it is now."""
    return before.leader_peak if before else 0


_OFF = {side: tuple(BalanceGuard(control, at_most=0) for control in controls) for side, controls in STOPS.items()}


def settle_postings(order: Order, outcome: Outcome, scope: LedgerScope, before: Portfolio) -> Postings:
    """Return what a known outcome posts, on top of what its intent set aside."""
    if order.side == "SELL":
        return _settle_sell(order, outcome, scope, before)
    return _settle_buy(order, outcome, scope)


def _settle_buy(order: Order, outcome: Outcome, scope: LedgerScope) -> Postings:
    fee = outcome.fee
    cost = outcome.usdc + fee
    unused, amounts = order.budget - cost, scope.names.amounts
    return merged_postings(
        (
            (accounts.CASH, unused),
            (scope.day, -unused),
            *((account, -unused) for account in scope.names.exposed),
            (amounts["lot_shares"], outcome.shares),
            (amounts["lot_cost"], cost),
            (accounts.FEES, fee),
        )
    )


def _settle_sell(order: Order, outcome: Outcome, scope: LedgerScope, before: Portfolio) -> Postings:
    sold, fee = outcome.shares, outcome.fee
    proceeds = outcome.usdc - fee
    basis = basis_of(sold, before)
    lot = before.lot or HeldLot(opened_at_ms=0, event_id=scope.event_id, group=scope.group)
    stood = exposure_accounts(scope.leader, scope.condition_id, lot.event_id, lot.group)
    return merged_postings(
        (
            (accounts.CASH, proceeds),
            (accounts.shares_account(scope.leader, scope.token_id), order.shares - sold),
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
    held, cost = before.lot_shares, before.lot_cost
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
