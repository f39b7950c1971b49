"""The write that ends a live order: what confirmed becomes a lot or proceeds, the rest of its budget goes back.

Its id is the order's, so however many threads, restarts and messages tell of the same trades, it happens once.
"""

from collections.abc import Callable, Sequence

from buyer.domain.decision_effects import followed_records, records_of
from buyer.domain.ledger_scope import scope_of_draft
from buyer.domain.order_states import may_follow
from buyer.domain.postings import lot_of, settle_postings
from buyer.execution.journal import NO_BALANCES, order_update, unfilled_order
from shared.domain.errors import Malformed, RefusedForSafety
from shared.domain.ledger_accounts import Postings, cost_account, merged_postings, peaks_of, shares_account
from shared.domain.ledger_write import (
    BalanceGuard,
    Balances,
    FencingToken,
    LedgerRecord,
    LedgerWrite,
    RefusedWrite,
    Result,
    StaleLedger,
    WrittenStep,
)
from shared.domain.market import MarketFacts
from shared.domain.money import from_micro, to_micro
from shared.domain.record_kinds import EXITS, ORDERS
from shared.ledger.port import Ledger, lot_record
from shared.messages.base import DECISIONS
from shared.messages.decisions import BuyEngineDecision, Order, Outcome, Portfolio

TRIES = 50
"""A sell's cost is that of its part of the lot at the moment; another step in between means reading again."""


class SettlementWriter:
    """Ends live orders in the ledger."""

    def __init__(self, ledger: Ledger, fence: Callable[[], FencingToken | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def unsettled(self) -> dict[str, str]:
        """Return every order whose trades are not terminal: order id -> decision."""
        return self._ledger.records(ORDERS)

    def settle_all(self, ends: Sequence[tuple[BuyEngineDecision, Outcome]]) -> int:
        """Post how orders ended, the buys in one round trip; return how many had not been posted before.

        Raises:
            As `settle_postings` does; some may be posted.
        """
        buys = [(decision, outcome) for decision, outcome in ends if fill_parts(decision)[0].side == "BUY"]
        sells = [(decision, outcome) for decision, outcome in ends if fill_parts(decision)[0].side == "SELL"]
        results = self._ledger.commit_all([self._write(decision, outcome, None) for decision, outcome in buys])
        new = [
            _posted(fill_parts(buy)[0], outcome, result) for (buy, outcome), result in zip(buys, results, strict=True)
        ]
        return sum(new) + sum([self.settle(decision, outcome) for decision, outcome in sells])

    def settle(self, decision: BuyEngineDecision, outcome: Outcome) -> bool:
        """Post how an order ended; False when that was posted before.

        Raises:
            Fenced: another buyer is active. Unavailable: Redis is away; call again.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        order, _ = fill_parts(decision)
        for _ in range(TRIES):
            result = self._ledger.commit(self._write(decision, outcome, self._lot(order)))
            if not isinstance(result, StaleLedger):
                return _posted(order, outcome, result)
        raise Malformed(f"order {order.id}: the ledger moved on {TRIES} times in a row")

    def _lot(self, order: Order) -> Balances | None:
        """Return the lot's balances for a sell, whose cost is its part of the lot's; a buy needs none."""
        if order.side == "BUY":
            return None
        return self._ledger.read(tuple(name(order.leader, order.token_id) for name in (shares_account, cost_account)))

    def _write(self, decision: BuyEngineDecision, outcome: Outcome, lot: Balances | None) -> LedgerWrite:
        order, facts = fill_parts(decision)
        before = decision.outcome.state if decision.outcome else "INTENT"
        if not may_follow(before, outcome.state):
            raise RefusedForSafety(f"order {order.id}: {outcome.state} cannot follow {before}; look it up at the venue")
        bought = order.side == "BUY" and outcome.shares > 0
        lots = (lot_record(lot_of(order, facts, decision)),) if bought else ()
        ended = decision.model_copy(update={"outcome": outcome})
        settled = settle_postings(order, outcome, scope_of_draft(decision), _held(decision, order, lot))
        postings = merged_postings((*settled, *_followed(decision, ended)))
        return LedgerWrite(
            id=f"settled:{order.id}",
            postings=postings,
            peaks=peaks_of(postings),
            guards=(BalanceGuard(shares_account(order.leader, order.token_id), at_least=0),),
            records=(LedgerRecord(ORDERS, order.id, None), *lots, *_exits_done(ended)),
            events=((DECISIONS, order_update(decision, order, outcome)),),
            fence=self._fence(),
            expected_seq=lot.seq if lot else None,
        )


def _held(decision: BuyEngineDecision, order: Order, lot: Balances | None) -> Portfolio:
    """Return the balances of the decision, with the lot as it was before the sell took its shares out."""
    before = decision.inputs.portfolio or NO_BALANCES
    if lot is None:
        return before
    shares, cost = (name(order.leader, order.token_id) for name in (shares_account, cost_account))
    held = lot.values[shares] + to_micro(order.shares)
    return before.model_copy(update={"lot_shares": from_micro(held), "lot_cost": from_micro(lot.values[cost])})


def _posted(order: Order, outcome: Outcome, result: Result) -> bool:
    if isinstance(result, RefusedWrite):
        raise RefusedForSafety(
            f"order {order.id} settled as {outcome.shares} shares, which would leave {result.account} at "
            f"{from_micro(result.value)}: ledger and venue disagree; compare both with `hybrid reconcile`"
        )
    return isinstance(result, WrittenStep)


def _followed(decision: BuyEngineDecision, ended: BuyEngineDecision) -> Postings:
    """Return what the end changes of the leader's shares behind the lot, beyond what the decision changed already."""
    return (
        *followed_records(ended),
        *((account, -change) for account, change in followed_records(unfilled_order(decision))),
    )


def _exits_done(ended: BuyEngineDecision) -> tuple[LedgerRecord, ...]:
    """Return the exits that this end finishes; one that goes on is counted elsewhere and must not be set back."""
    return tuple(record for record in records_of(ended) if record.kind == EXITS and record.value is None)


def fill_parts(decision: BuyEngineDecision) -> tuple[Order, MarketFacts]:
    """Return the order of a decision and the facts it was made from.

    Raises:
        Malformed: it holds none.
    """
    if decision.order is None or decision.inputs.market is None:
        raise Malformed(f"the decision on {decision.signal_id} holds no order")
    return decision.order, decision.inputs.market
