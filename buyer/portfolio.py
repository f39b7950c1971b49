"""What each step of an order posts to the ledger. Pure.

A buy reserves its whole budget before the order is sent, so every cap counts what is not confirmed yet (trap 19); what
the order did not use goes back when the outcome is known. A sell takes its shares out of the lot first, so nothing is
sold twice.
"""

from dataclasses import dataclass

from buyer.limits import Limits
from shared import accounts
from shared.accounts import Lot, Postings, merged
from shared.events import ActionableSignal, Order, Outcome, Portfolio
from shared.market import MarketFacts
from shared.money import from_micro, to_micro
from shared.writes import Balances, Guard


@dataclass(frozen=True)
class Scope:
    """The accounts a signal touches: read in one go before deciding."""

    leader: str
    token_id: str
    condition_id: str
    day: str

    @property
    def accounts(self) -> tuple[str, ...]:
        """Name the accounts, in the order `portfolio_of` reads them."""
        return (
            accounts.CASH,
            self.day,
            accounts.market_account(self.condition_id),
            accounts.shares_account(self.leader, self.token_id),
            accounts.cost_account(self.leader, self.token_id),
            accounts.HALT,
        )


def scope_of(signal: ActionableSignal, condition_id: str, now_ms: int) -> Scope:
    """Return the accounts that a decision on `signal` looks at."""
    return Scope(signal.leader, signal.token_id, condition_id, accounts.day_account(now_ms))


def portfolio_of(scope: Scope, balances: Balances) -> Portfolio:
    """Return the balances as the decision records them."""
    cash, day, market, shares, cost, halt = (balances.values[name] for name in scope.accounts)
    return Portfolio(
        seq=balances.seq,
        cash=from_micro(cash),
        spent_today=from_micro(day),
        market_exposure=from_micro(market),
        lot_shares=from_micro(shares),
        lot_cost=from_micro(cost),
        halted=bool(halt),
    )


def reserve(order: Order, scope: Scope) -> Postings:
    """Return what an intent sets aside."""
    if order.side == "SELL":
        return ((accounts.shares_account(scope.leader, scope.token_id), -to_micro(order.shares)),)
    budget = to_micro(order.budget)
    return (
        (accounts.CASH, -budget),
        (scope.day, budget),
        (accounts.market_account(scope.condition_id), budget),
    )


def guards(order: Order, scope: Scope, limits: Limits) -> tuple[Guard, ...]:
    """Return what must hold at the very moment of the intent, whatever changed since the decision was made."""
    not_halted = Guard(accounts.HALT, at_most=0)
    if order.side == "SELL":
        return (not_halted, Guard(accounts.shares_account(scope.leader, scope.token_id), at_least=0))
    return (
        not_halted,
        Guard(accounts.CASH, at_least=0),
        Guard(scope.day, at_most=to_micro(limits.max_day_usdc)),
        Guard(accounts.market_account(scope.condition_id), at_most=to_micro(limits.max_market_usdc)),
    )


def settle(order: Order, outcome: Outcome, scope: Scope, before: Portfolio) -> Postings:
    """Return what a known outcome posts, on top of what its intent set aside."""
    return _settle_sell(order, outcome, scope, before) if order.side == "SELL" else _settle_buy(order, outcome, scope)


def _settle_buy(order: Order, outcome: Outcome, scope: Scope) -> Postings:
    fee = to_micro(outcome.fee)
    cost = to_micro(outcome.usdc) + fee
    unused = to_micro(order.budget) - cost
    return merged(
        (
            (accounts.CASH, unused),
            (scope.day, -unused),
            (accounts.market_account(scope.condition_id), -unused),
            (accounts.shares_account(scope.leader, scope.token_id), to_micro(outcome.shares)),
            (accounts.cost_account(scope.leader, scope.token_id), cost),
            (accounts.FEES, fee),
        )
    )


def _settle_sell(order: Order, outcome: Outcome, scope: Scope, before: Portfolio) -> Postings:
    sold, fee = to_micro(outcome.shares), to_micro(outcome.fee)
    proceeds = to_micro(outcome.usdc) - fee
    basis = basis_of(sold, before)
    return merged(
        (
            (accounts.CASH, proceeds),
            (accounts.shares_account(scope.leader, scope.token_id), to_micro(order.shares) - sold),
            (accounts.cost_account(scope.leader, scope.token_id), -basis),
            (accounts.market_account(scope.condition_id), -basis),
            (accounts.REALIZED, proceeds - basis),
            (accounts.realized_account(scope.leader), proceeds - basis),
            (accounts.FEES, fee),
        )
    )


def basis_of(sold: int, before: Portfolio) -> int:
    """Return the cost of `sold` micro-shares: their part of the lot, all of it when nothing is left."""
    held, cost = to_micro(before.lot_shares), to_micro(before.lot_cost)
    return cost if sold >= held else cost * sold // held


def lot_of(order: Order, facts: MarketFacts) -> Lot:
    """Return the lot that a buy opens or grows."""
    return Lot(order.leader, order.token_id, order.condition_id, facts.outcome_index, facts.title, 0, 0)
