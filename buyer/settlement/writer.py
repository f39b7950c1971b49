"""The write that ends a live order: what confirmed becomes a lot or proceeds, the rest of its budget goes back.

Its id is the order's, so however many threads, restarts and messages tell of the same trades, it happens once.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from buyer.execution.intent_codec import order_parts
from buyer.execution.order_writes import settled_write
from shared.domain.errors import Malformed, RefusedForSafety
from shared.domain.ledger_accounts import cost_account, shares_account
from shared.domain.ledger_write import (
    Balances,
    FencingToken,
    LedgerWrite,
    RefusedWrite,
    Result,
    StaleLedger,
    WrittenStep,
)
from shared.domain.money import from_micro
from shared.domain.record_kinds import ORDERS
from shared.ledger.port import Ledger
from shared.messages.decisions import BuyEngineDecision, Order, Outcome

TRIES = 50
"""A sell's cost is that of its part of the lot at the moment; another step in between means reading again."""


class SettlementWriter:
    """Ends live orders in the ledger."""

    def __init__(self, ledger: Ledger, fence: Callable[[], FencingToken | None]) -> None:
        self._ledger, self._fence = ledger, fence
        self._asks_first = False

    def went_back(self) -> None:
        """From now on settle only what the ledger holds as open: what it forgot has nothing reserved any more."""
        self._asks_first = True

    def unsettled(self) -> dict[str, str]:
        """Return every order whose trades are not terminal: order id -> decision."""
        return self._ledger.records(ORDERS)

    def settle_all(self, ends: Sequence[tuple[BuyEngineDecision, Outcome]]) -> int:
        """Post how orders ended, the buys in one round trip; return how many had not been posted before.

        Raises:
            As `settle_postings` does; some may be posted.
        """
        ends = self._open_ones(ends) if self._asks_first else ends
        buys = [(decision, outcome) for decision, outcome in ends if order_parts(decision)[0].side == "BUY"]
        sells = [(decision, outcome) for decision, outcome in ends if order_parts(decision)[0].side == "SELL"]
        results = self._ledger.commit_all([self._write(decision, outcome, None) for decision, outcome in buys])
        new = [
            _posted(order_parts(buy)[0], outcome, result) for (buy, outcome), result in zip(buys, results, strict=True)
        ]
        return sum(new) + sum([self.settle(decision, outcome) for decision, outcome in sells])

    def settle(self, decision: BuyEngineDecision, outcome: Outcome) -> bool:
        """Post how an order ended; False when that was posted before.

        Raises:
            Fenced: another buyer is active. Unavailable: Redis is away; call again.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        order, _ = order_parts(decision)
        for _ in range(TRIES):
            result = self._ledger.commit(self._write(decision, outcome, self._lot(order)))
            if not isinstance(result, StaleLedger):
                return _posted(order, outcome, result)
        raise Malformed(f"order {order.id}: the ledger moved on {TRIES} times in a row")

    def _open_ones(self, ends: Sequence[tuple[BuyEngineDecision, Outcome]]) -> list[tuple[BuyEngineDecision, Outcome]]:
        """Return those whose order the ledger holds: the others are adopted, or concluded from their intent, first."""
        names = [order_parts(decision)[0].id for decision, _ in ends]
        held = self._ledger.records_of(ORDERS, names)
        return [end for end, name in zip(ends, names, strict=True) if name in held]

    def _lot(self, order: Order) -> Balances | None:
        """Return the lot's balances for a sell, whose cost is its part of the lot's; a buy needs none."""
        if order.side == "BUY":
            return None
        return self._ledger.read(tuple(name(order.leader, order.token_id) for name in (shares_account, cost_account)))

    def _write(self, decision: BuyEngineDecision, outcome: Outcome, lot: Balances | None) -> LedgerWrite:
        return replace(settled_write(decision, outcome, lot), fence=self._fence())


def _posted(order: Order, outcome: Outcome, result: Result) -> bool:
    if isinstance(result, RefusedWrite):
        raise RefusedForSafety(
            f"order {order.id} settled as {from_micro(outcome.shares)} shares, which would leave {result.account} at "
            f"{from_micro(result.value)}: ledger and venue disagree; compare both with `hybrid reconcile`"
        )
    return isinstance(result, WrittenStep)
