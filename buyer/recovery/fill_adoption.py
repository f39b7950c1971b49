"""Taking in fills that the journal does not know: what is known of orders at all, and the write that adopts one."""

import re
from collections.abc import Callable

from buyer.domain.ledger_scope import scope_of_draft
from buyer.domain.postings import reserve_postings
from buyer.execution.journal import order_update
from shared.domain.errors import Malformed
from shared.domain.ledger_write import FencingToken, LedgerRecord, LedgerWrite
from shared.domain.record_kinds import INTENTS, ORDERS, SIGNED
from shared.ledger.port import Ledger
from shared.messages.base import DECISIONS, fact_id
from shared.messages.decisions import BuyEngineDecision

_HASH = re.compile(r"0x[0-9a-f]{64}")


class FillAdoption:
    """What the ledger knows of our orders, beside what the chain shows; each write fenced by the lease."""

    def __init__(self, ledger: Ledger, fence: Callable[[], FencingToken | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def knows_order(self, signal_id: str) -> bool:
        """Say whether an order for this signal is open, under way or settled."""
        order_id = fact_id("order", signal_id)
        found = self._ledger.read((), (f"settled:{order_id}",), ((INTENTS, signal_id), (ORDERS, order_id)))
        return bool(found.done or found.records)

    def open_hashes(self) -> frozenset[str]:
        """Return the venue's names of all orders that are open or may have been sent."""
        kept = (*self._ledger.records(ORDERS).values(), *self._ledger.records(SIGNED).values())
        return frozenset(name for text in kept for name in _HASH.findall(text))

    def adopt(self, decision: BuyEngineDecision) -> None:
        """Take in a fill that nothing here explains: its cost counts, and its order is settled like any other.

        The signal gets its terminal decision with it, unless it has one.
        """
        order, outcome = decision.order, decision.outcome
        if order is None or outcome is None:
            raise Malformed(f"the decision on {decision.signal_id} holds no order")
        scope = scope_of_draft(decision)
        new = not self._ledger.read((), (f"decision:{decision.signal_id}",)).done
        terminal = ((DECISIONS, decision),) if new else ()
        self._ledger.commit(
            LedgerWrite(
                id=f"decision:{decision.signal_id}" if new else f"adopted:{order.id}",
                postings=reserve_postings(order, scope),
                records=(LedgerRecord(ORDERS, order.id, decision.model_dump_json()),),
                events=((DECISIONS, order_update(decision, order, outcome)), *terminal),
                fence=self._fence(),
            )
        )
