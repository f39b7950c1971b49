"""The postings of each step of an order to the ledger. Pure.

A buy reserves its whole budget before the order is sent, so every cap counts what is not confirmed yet (pitfall 19);
what the order did not use goes back when the outcome is known. A sell takes its shares out of the lot first, so nothing
is sold twice.
"""

from functools import lru_cache

from buyer.domain.ledger_scope import LedgerNames, LedgerScope
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import LEAST_BUY
from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_accounts import Lot, Postings, exposure_accounts, merged_postings
from shared.domain.ledger_write import BalanceGuard, LedgerTally
from shared.domain.market import MarketFacts
from shared.domain.trading_controls import STOPS
from shared.messages.decisions import BuyEngineDecision, HeldLot, Order, Outcome, Portfolio


def reserve_postings(order: Order, scope: LedgerScope) -> Postings:
    """Return what an intent sets aside."""
    if order.side == "SELL":
        return ((scope.names.shares, -order.shares),)
    budget, names = order.budget, scope.names
    return ((accounts.CASH, -budget), (names.day, budget), *[(account, budget) for account in names.exposed])


def counted_order(order: Order, scope: LedgerScope) -> tuple[LedgerTally, ...]:
    """Return how a buy's intent counts itself in the minute's orders: in the ledger's own step, whoever else buys."""
    return () if order.side == "SELL" else (LedgerTally(accounts.RATE_MINUTE, accounts.RATE_ORDERS, scope.minute),)


def intent_guards(
    order: Order, scope: LedgerScope, limits: TradingLimits, before: Portfolio | None
) -> tuple[BalanceGuard, ...]:
    """Return what must hold at the very moment of the intent, whatever changed since it was decided on `before`."""
    if order.side == "SELL":
        return (*_OFF["SELL"], BalanceGuard(scope.names.shares, at_least=0))
    least = 1 + _peak(before) - limits.max_drawdown_usdc
    rate = BalanceGuard(accounts.RATE_ORDERS, at_most=limits.max_orders_per_minute)
    other = scope.names.other_outcome if scope.both_outcomes else ""
    one_side = (BalanceGuard(other, at_most=LEAST_BUY - 1),) if other else ()
    return (*_capped(scope.names, limits), BalanceGuard(scope.names.realized, at_least=least), rate, *one_side)


@lru_cache(maxsize=4096)
def _capped(names: LedgerNames, limits: TradingLimits) -> tuple[BalanceGuard, ...]:
    caps = {
        names.day: limits.max_day_usdc,
        names.market: limits.max_market_usdc,
        names.event: limits.max_event_usdc,
        names.of_leader: limits.max_leader_usdc,
        accounts.TOTAL: limits.max_total_usdc,
        **({names.wider: limits.max_group_usdc} if names.group else {}),
    }
    return (
        *_OFF["BUY"],
        BalanceGuard(accounts.CASH, at_least=0),
        *(BalanceGuard(account, at_most=cap) for account, cap in caps.items()),
        BalanceGuard(names.pnl, at_least=1 - limits.max_day_loss_usdc),
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
    names, cost = scope.names, outcome.usdc + outcome.fee
    unused = order.budget - cost
    return merged_postings(
        (
            (accounts.CASH, unused),
            (names.day, -unused),
            *[(account, -unused) for account in names.exposed],
            (names.shares, outcome.shares),
            (names.cost, cost),
            (accounts.FEES, outcome.fee),
            (names.fees, outcome.fee),
        )
    )


def _settle_sell(order: Order, outcome: Outcome, scope: LedgerScope, before: Portfolio) -> Postings:
    sold, fee, names = outcome.shares, outcome.fee, scope.names
    proceeds = outcome.usdc - fee
    basis = basis_of(sold, before)
    lot = before.lot or HeldLot(opened_at_ms=0, event_id=names.event_id, group=names.group)
    stood = exposure_accounts(names.leader, names.condition_id, lot.event_id, lot.group)
    stood = (*stood, names.outcome) if names.outcome else stood
    return merged_postings(
        (
            (accounts.CASH, proceeds),
            (names.shares, order.shares - sold),
            (names.cost, -basis),
            *((account, -basis) for account in stood),
            (accounts.REALIZED, proceeds - basis),
            (names.pnl, proceeds - basis),
            (names.realized, proceeds - basis),
            (accounts.FEES, fee),
            (names.fees, fee),
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
