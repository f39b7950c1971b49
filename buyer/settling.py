"""The write that ends a live order: what confirmed becomes a lot or proceeds, the rest of its budget goes back.

Its id is the order's, so however many threads, restarts and messages tell of the same trades, it happens once.
"""

from collections.abc import Callable

from buyer.journal import NO_BALANCES, order_update
from buyer.order_states import may_follow
from buyer.portfolio import Scope, lot_of, settle
from shared.accounts import cost_account, day_account, shares_account
from shared.errors import Malformed, RefusedForSafety
from shared.events import DECISIONS, BuyEngineDecision, Order, Outcome, Portfolio
from shared.ledger import ORDERS, Ledger, lot_record
from shared.market import MarketFacts
from shared.money import from_micro, to_micro
from shared.writes import Fence, Guard, Record, Refused, Stale, Write, Written

TRIES = 50
"""A sell's cost is that of its part of the lot at the moment; another step in between means reading again."""


class Settling:
    """Ends live orders in the ledger."""

    def __init__(self, ledger: Ledger, fence: Callable[[], Fence | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def unsettled(self) -> dict[str, str]:
        """Return every order whose trades are not terminal: order id -> decision."""
        return self._ledger.records(ORDERS)

    def settle(self, decision: BuyEngineDecision, outcome: Outcome) -> bool:
        """Post how an order ended; False when that was posted before.

        Raises:
            Fenced: another buyer is active. Unavailable: Redis is away; call again.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        order, facts = parts(decision)
        before = decision.outcome.state if decision.outcome else "INTENT"
        if not may_follow(before, outcome.state):
            raise RefusedForSafety(f"order {order.id}: {outcome.state} cannot follow {before}; look it up at the venue")
        for _ in range(TRIES):
            result = self._ledger.commit(self._write(decision, order, facts, outcome))
            if not isinstance(result, Stale):
                break
        else:
            raise Malformed(f"order {order.id}: the ledger moved on {TRIES} times in a row")
        if isinstance(result, Refused):
            raise RefusedForSafety(
                f"order {order.id} settled as {outcome.shares} shares, which would leave {result.account} at "
                f"{from_micro(result.value)}: ledger and venue disagree; compare both with `hybrid reconcile`"
            )
        return isinstance(result, Written)

    def _write(self, decision: BuyEngineDecision, order: Order, facts: MarketFacts, outcome: Outcome) -> Write:
        scope = scope_of_order(decision, order)
        shares, cost = (name(order.leader, order.token_id) for name in (shares_account, cost_account))
        now = self._ledger.read((shares, cost))
        held = now.values[shares] + (to_micro(order.shares) if order.side == "SELL" else 0)
        lot = {"lot_shares": from_micro(held), "lot_cost": from_micro(now.values[cost])}
        before: Portfolio = NO_BALANCES.model_copy(update=lot)
        bought = order.side == "BUY" and outcome.shares > 0
        return Write(
            id=f"settled:{order.id}",
            postings=settle(order, outcome, scope, before),
            guards=(Guard(shares, at_least=0),),
            records=(Record(ORDERS, order.id, None), *((lot_record(lot_of(order, facts)),) if bought else ())),
            events=((DECISIONS, order_update(decision, order, outcome)),),
            fence=self._fence(),
            expected_seq=now.seq if order.side == "SELL" else None,
        )


def parts(decision: BuyEngineDecision) -> tuple[Order, MarketFacts]:
    """Return the order of a decision and the facts it was made from.

    Raises:
        Malformed: it holds none.
    """
    if decision.order is None or decision.inputs.market is None:
        raise Malformed(f"the decision on {decision.signal_id} holds no order")
    return decision.order, decision.inputs.market


def scope_of_order(decision: BuyEngineDecision, order: Order) -> Scope:
    """Return the accounts of an order as they were named when its intent was written, also after midnight."""
    return Scope(decision.leader, decision.token_id, order.condition_id, day_account(decision.inputs.now_ms))
