"""The orders that come first: while one that what is to be decided depends on has not ended, that waits.

A buy depends on every order of its token; a sell, and an exit, on those of its own lot.
"""

from collections.abc import Collection

from buyer.execution.intent_codec import read_intent
from buyer.execution.journal import Journal
from buyer.execution.order_transit import OrderTransit
from buyer.execution.unresolved_orders import UnresolvedOrders
from shared.domain.errors import TryAgain
from shared.messages.base import fact_id
from shared.messages.decisions import ExitTask, Portfolio
from shared.messages.signals import ActionableSignal


class NotSettled(TryAgain):
    """An order that this depends on comes first: decide when it has ended."""


class OrderPrecedence:
    """Names the order that a signal or an exit has to wait for."""

    def __init__(
        self, journal: Journal, unresolved: UnresolvedOrders, transit: OrderTransit | None, *, live: bool
    ) -> None:
        self._journal, self._unresolved, self._transit, self._live = journal, unresolved, transit, live

    def wait_for_orders(
        self, signal: ActionableSignal, *, ask: bool = True, beside: Collection[str] = frozenset()
    ) -> None:
        """Put a signal off while an order may stand, or is on its way, that decides what may follow.

        A buy waits for every order of its token. A sell waits for those of its own lot, as no other can take shares
        from that; also while one can still fail, however long that takes, as it would sell too little, or what is not
        there: a sell that is stale then goes on as an exit of the whole lot. This is asked before the balances are
        read, so that what settles in between is among them.

        Without `ask` the orders at hand will do: the sell's own step says if they moved. A buy goes `beside` the orders
        of other buys of its token: signals that are under way with it, each of which reserved its own budget.

        Raises:
            NotSettled: hand it in again when that has ended.
        """
        if signal.side == "SELL":
            waits = self._unresolved.blocker_of_lot(signal.leader, signal.token_id, signal.id)
        else:
            waits = self._unresolved.blocker_of(signal.token_id, signal.id, beside)
        if waits:
            raise NotSettled(f"signal {signal.id} waits for the outcome of the order of signal {waits}")
        waits = self._order_under_way(signal.leader, signal.token_id, ask=ask) if signal.side == "SELL" else ""
        if waits and waits != fact_id("order", signal.id):
            raise NotSettled(f"signal {signal.id} waits for order {waits}")
        if self._transit is not None:
            self.wait_for_transit(signal)

    def wait_for_transit(self, signal: ActionableSignal, portfolio: Portfolio | None = None) -> None:
        """Put a signal off while an order on its way would change what it is decided on.

        Raises:
            NotSettled: hand it in again when that has arrived.
        """
        leaving = portfolio is not None and portfolio.exit is not None
        waits = self._transit.blocker(signal, leaving=leaving) if self._transit is not None else ""
        if waits:
            raise NotSettled(f"signal {signal.id} waits for order {waits}")

    def blocker_of_exit(self, task: ExitTask) -> str:
        """Return what an exit's next attempt has to wait for, '' for nothing: an order that can change its lot."""
        lot = task.leader, task.token_id
        return self._unresolved.blocker_of_lot(*lot) or self._order_under_way(*lot)

    def _order_under_way(self, leader: str, token_id: str, *, ask: bool = True) -> str:
        """Return an order of this lot that is on its way, or live and can still fail; '' when there is none."""
        if self._transit is not None:
            return self._transit.order_of(token_id)
        if not self._live:
            return ""
        for order_id, text in self._journal.unsettled(ask=ask).items():
            draft, _, _ = read_intent(text)
            if (draft.leader, draft.token_id) == (leader, token_id):
                return order_id if ask else self._order_under_way(leader, token_id)  # a person may have ended it
        return ""
