"""The account of a run: the buyer's own postings on a ledger in memory, as its journal writes them, without events.

Reads are remembered until a balance changes; a decision that moves nothing writes nothing.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from buyer.limits import Limits
from buyer.portfolio import Scope, guards, portfolio_of, reserve, scope_of, settle
from shared import accounts
from shared.events import ActionableSignal, Order, Outcome, Portfolio
from shared.ledger import MemoryLedger
from shared.market import MarketFacts
from shared.writes import Balances, Refused, Write

_DAY_MS = 86_400_000
_MOST_SCOPES = 50_000


class Held(NamedTuple):
    """What one lot is; its amounts are accounts."""

    leader: str
    token_id: str
    condition_id: str
    outcome_index: int
    title: str


class Paid(NamedTuple):
    """One lot that a market paid, in micro-units."""

    held: Held
    shares: int
    cost: int
    payout: int


class Account:
    """Balances of one run."""

    def __init__(self, bankroll: int) -> None:
        self._ledger = MemoryLedger({accounts.CASH: bankroll, accounts.DEPOSITED: bankroll})
        self._scopes: dict[tuple[str, str], tuple[Scope, tuple[str, ...]]] = {}
        self._day = -1
        self._portfolios: dict[tuple[int, ...], Portfolio] = {}
        self._lots: dict[str, dict[tuple[str, str], Held]] = {}
        self._locked = 0

    @property
    def cash(self) -> int:
        """Return what is free to spend."""
        return self._ledger.values.get(accounts.CASH, 0)

    @property
    def realized(self) -> int:
        """Return what sales and payouts brought beyond their cost."""
        return self._ledger.values.get(accounts.REALIZED, 0)

    @property
    def fees(self) -> int:
        """Return the fees paid."""
        return self._ledger.values.get(accounts.FEES, 0)

    @property
    def locked(self) -> int:
        """Return the cost of all open lots."""
        return self._locked

    def balances(self) -> dict[str, int]:
        """Return every account that is not 0."""
        return dict(self._ledger.values)

    def lots(self) -> Iterator[tuple[Held, int, int]]:
        """Yield open lots with shares and cost."""
        for lots in self._lots.values():
            for held in lots.values():
                yield held, *self._amounts(held)

    def scope(self, signal: ActionableSignal, condition_id: str, now_ms: int) -> tuple[Scope, tuple[str, ...]]:
        """Return the accounts that a decision on `signal` looks at, and their names."""
        if now_ms // _DAY_MS != self._day or len(self._scopes) > _MOST_SCOPES:
            self._day = now_ms // _DAY_MS
            self._scopes.clear()
        key = (signal.leader, signal.token_id)
        found = self._scopes.get(key)
        if found is None or found[0].condition_id != condition_id:
            scope = scope_of(signal, condition_id, now_ms)
            found = self._scopes[key] = (scope, scope.accounts)
        return found

    def portfolio(self, scope: Scope, names: tuple[str, ...]) -> Portfolio:
        """Return the balances as a decision sees them."""
        values = self._ledger.values
        key = tuple([values.get(name, 0) for name in names])
        found = self._portfolios.get(key)
        if found is None:
            if len(self._portfolios) > _MOST_SCOPES:
                self._portfolios.clear()
            balances = Balances(0, dict(zip(names, key, strict=True)))
            found = self._portfolios[key] = portfolio_of(scope, balances)
        return found

    def intend(self, order: Order, scope: Scope, limits: Limits) -> Refused | None:
        """Reserve an order's budget, or say which account refused."""
        write = Write(f"intent:{order.signal_id}", reserve(order, scope), guards(order, scope, limits))
        result = self._ledger.commit(write)
        return result if isinstance(result, Refused) else None

    def conclude(self, order: Order, outcome: Outcome, scope: Scope, before: Portfolio, facts: MarketFacts) -> None:
        """Post what an order brought."""
        held = Held(scope.leader, scope.token_id, scope.condition_id, facts.outcome_index, facts.title)
        _, was = self._amounts(held)
        self._ledger.commit(Write(f"decision:{order.signal_id}", settle(order, outcome, scope, before)))
        shares, cost = self._amounts(held)
        self._locked += cost - was
        lots = self._lots.setdefault(held.condition_id, {})
        if shares:
            lots[held.leader, held.token_id] = held
        else:
            lots.pop((held.leader, held.token_id), None)

    def redeem(self, condition_id: str, payouts: tuple[Fraction, ...]) -> list[Paid]:
        """Pay every lot of a market by its payout vector."""
        paid: list[Paid] = []
        for held in self._lots.pop(condition_id, {}).values():
            shares, cost = self._amounts(held)
            share = payouts[held.outcome_index]
            lot = Paid(held, shares, cost, shares * share.numerator // share.denominator)
            self._ledger.commit(Write(f"redeem:{held.leader}:{held.token_id}:{self._ledger.seq}", _postings(lot)))
            self._locked -= cost
            paid.append(lot)
        return paid

    def _amounts(self, held: Held) -> tuple[int, int]:
        values = self._ledger.values
        shares = values.get(accounts.shares_account(held.leader, held.token_id), 0)
        return shares, values.get(accounts.cost_account(held.leader, held.token_id), 0)


def _postings(paid: Paid) -> accounts.Postings:
    """Return what a redemption posts, as `accounts.redemption_postings` does for the event."""
    held, gain = paid.held, paid.payout - paid.cost
    return (
        (accounts.CASH, paid.payout),
        (accounts.REALIZED, gain),
        (accounts.realized_account(held.leader), gain),
        (accounts.shares_account(held.leader, held.token_id), -paid.shares),
        (accounts.cost_account(held.leader, held.token_id), -paid.cost),
        (accounts.market_account(held.condition_id), -paid.cost),
    )
