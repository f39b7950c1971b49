"""Adoption of fills that the journal does not know: the orders the ledger has at all, and the step that adds one."""

import re
from collections.abc import Callable

from msgspec.structs import replace

from buyer.execution.order_writes import adopted_write
from shared.domain.errors import Malformed
from shared.domain.ledger_write import FencingToken
from shared.domain.record_kinds import INTENTS, ORDERS, SIGNED
from shared.ledger.port import Ledger, open_lots
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision

_HASH = re.compile(r"0x[0-9a-f]{64}")


class FillAdoption:
    """The ledger's word on our orders, beside what the chain shows; each write fenced by the lease."""

    def __init__(self, ledger: Ledger, fence: Callable[[], FencingToken | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def knows_order(self, signal_id: str) -> bool:
        """Say whether an order for this signal is open, under way or settled."""
        order_id = fact_id("order", signal_id)
        found = self._ledger.read((), (f"settled:{order_id}",), ((INTENTS, signal_id), (ORDERS, order_id)))
        return bool(found.done or found.records)

    def open_hashes(self) -> frozenset[str]:
        """Return the venue's names of all orders that are open or may have been sent."""
        texts = (*self._ledger.records(ORDERS).values(), *self._ledger.records(SIGNED).values())
        return frozenset(name for text in texts for name in _HASH.findall(text))

    def seller_of(self, token_id: str, shares: int, leader: str) -> str | None:
        """Return whose lot a sale sold: `leader`'s, else the oldest that holds so much (an exit names no leader).

        What another sale takes has left its lot already. None while orders of the token have not ended, '' where no lot
        holds so much after that.
        """
        lots = [lot.leader for lot in open_lots(self._ledger) if lot.token_id == token_id and lot.shares >= shares]
        if leader in lots:
            return leader
        open_orders = [*self._ledger.records(ORDERS).values(), *self._ledger.records(INTENTS).values()]
        if any(token_id in text for text in open_orders):
            return None
        return lots[0] if lots else ""

    def adopt(self, decision: BuyEngineDecision) -> None:
        """Take in a fill that nothing here explains: its cost counts, and its order is settled like any other.

        The signal gets its terminal decision with it, unless it has one.
        """
        order, outcome = decision.order, decision.outcome
        if order is None or outcome is None:
            raise Malformed(f"the decision on {decision.signal_id} holds no order")
        decided = bool(self._ledger.read((), (f"decision:{decision.signal_id}",)).done)
        write = adopted_write(decision, order, outcome, decided=decided)
        self._ledger.commit(replace(write, fence=self._fence()))
