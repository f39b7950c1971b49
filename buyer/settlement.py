"""Follows every live order until its trades are terminal: by the user feed at once, by REST in any case.

The feed only says that something happened (it never replays what was missed); what happened is always read by REST.
"""

import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from buyer.order_states import is_provisional
from buyer.settling import Settling, parts
from buyer.trades import OrderSeen, Trade, ending, summed
from shared import logs
from shared.clock import Clock
from shared.errors import Fenced, GiveUp, HybridError, Malformed, RefusedForSafety, TryAgain
from shared.events import BuyEngineDecision, Outcome, read_event
from shared.market import MarketFacts

POLL_S = 2.0
SOON_S = 1.0
"""How often trades are listed while orders are open: at least, and at most when the feed speaks."""
ASK_AFTER_S = 5.0
"""An order that its listed trades do not end is asked for by its hash after this long."""
LISTEN_S = 0.25
CHAIN_PATIENCE_S = 120.0
"""A node that cannot show a confirmed trade for this long leaves the amounts as the venue's prices say."""
OVERDUE_S = 300.0
REREAD_S = 30.0
"""The ledger is read again this often: whatever was handed over in memory can be lost, a record cannot."""


class Fills(Protocol):
    """The venue's word on our orders and trades."""

    def order(self, order_hash: str) -> OrderSeen | None:
        """Return what became of one order; None when the venue does not keep it."""
        ...

    def listed(self, since_ms: int) -> Mapping[str, Sequence[Any]]:
        """Return the raw trades of each order hash since then."""
        ...

    def trade(self, raw: object, order_hash: str, facts: MarketFacts) -> Trade:
        """Read an order's part of a raw trade."""
        ...

    def settled(self, trade: Trade, order_hash: str) -> Trade:
        """Return a confirmed trade with the amounts that the chain booked."""
        ...


class Feed(Protocol):
    """Says that something happened to our orders."""

    def wait(self, seconds: float) -> bool:
        """Wait for news; True when there is some (or some may have been missed)."""
        ...

    def close(self) -> None:
        """Leave."""
        ...


class Settlement:
    """Ends live orders as their trades end. Its thread owns what is open; `watch` may be called from any."""

    def __init__(self, settling: Settling, fills: Fills, feed: Feed, *, clock: Clock) -> None:
        self._settling, self._fills, self._feed, self._clock = settling, fills, feed, clock
        self._new: queue.SimpleQueue[BuyEngineDecision] = queue.SimpleQueue()
        self._open: dict[str, BuyEngineDecision] = {}
        self._overdue: set[str] = set()
        self._next_poll = self._next_read = clock.monotonic()
        self._news = False
        self.failure: HybridError | None = None
        self.settled = 0
        self._log = logs.get("settlement")

    def watch(self, decision: BuyEngineDecision) -> None:
        """Follow an order from now on."""
        if decision.outcome is not None and is_provisional(decision.mode, decision.outcome):
            self._new.put(decision)

    def run(self, stop: threading.Event) -> None:
        """Follow orders until `stop`; what must stop the buyer is kept in `failure`."""
        try:
            while not stop.is_set():
                self._turn()
        except (Fenced, RefusedForSafety) as error:
            self.failure = error
            self._log.error("settlement_stopped", error=str(error))
        finally:
            self._feed.close()

    def snapshot(self) -> dict[str, int]:
        """Return how many orders are open and how many ended."""
        return {"orders_open": len(self._open), "orders_settled": self.settled, "orders_overdue": len(self._overdue)}

    def step(self, *, news: bool = False) -> None:
        """Take in what is new and, when it is time, look at every open order.

        Raises:
            TryAgain: Redis or the venue is away; call again later.
            RefusedForSafety: ledger and venue disagree.
        """
        self._take_in()
        now = self._clock.monotonic()
        if not self._open or now < (self._next_poll - POLL_S + SOON_S if news else self._next_poll):
            return
        self._next_poll, self._news = now + POLL_S, False
        listed = self._fills.listed(min(decision.inputs.now_ms for decision in self._open.values()))
        for order_id, decision in list(self._open.items()):
            self._look(order_id, decision, listed)

    def _turn(self) -> None:
        news = self._feed.wait(LISTEN_S) or self._news
        self._news = news
        try:
            self.step(news=news)
        except TryAgain as error:
            self._log.warning("settlement_waits", error=str(error))
        except GiveUp as error:
            self._log.error("venue_unreadable", error=str(error))

    def _take_in(self) -> None:
        while not self._new.empty():
            decision = self._new.get()
            self._keep(decision)
        if self._clock.monotonic() >= self._next_read:
            self._next_read = self._clock.monotonic() + REREAD_S
            records = self._settling.unsettled()
            self._open = {order_id: one for order_id, one in self._open.items() if order_id in records}
            for text in records.values():
                self._keep(_decision_in(text))

    def _keep(self, decision: BuyEngineDecision) -> None:
        order, _ = parts(decision)
        self._open.setdefault(order.id, decision)

    def _look(self, order_id: str, decision: BuyEngineDecision, listed: Mapping[str, Sequence[Any]]) -> None:
        outcome = decision.outcome
        if outcome is None:
            return
        order, facts = parts(decision)
        age_s = (self._clock.now_ms() - decision.inputs.now_ms) / 1000
        trades = [self._fills.trade(raw, outcome.order_hash, facts) for raw in listed.get(outcome.order_hash, ())]
        end = ending(outcome, None, trades)
        if end is None and age_s > ASK_AFTER_S and all(trade.state != "PENDING" for trade in trades):
            end = ending(outcome, self._fills.order(outcome.order_hash), trades)
        if end is not None:
            end = self._booked(outcome, end, trades, age_s)
        if end is not None:
            self._settling.settle(decision, end)
            self.settled += 1
            self._open.pop(order_id, None)
            self._overdue.discard(order_id)
            self._log.info("settled", order_id=order_id, signal_id=order.signal_id, state=end.state, shares=end.shares)
        elif age_s > OVERDUE_S and order_id not in self._overdue:
            self._overdue.add(order_id)
            fix = "`hybrid reconcile` shows it; its budget stays reserved until then"
            self._log.error("order_overdue", order_id=order_id, order_hash=outcome.order_hash, fix=fix)

    def _booked(self, before: Outcome, end: Outcome, trades: Sequence[Trade], age_s: float) -> Outcome | None:
        """Return the end with the chain's own amounts; None to ask again, unless the node fails us for too long."""
        try:
            booked = [
                self._fills.settled(trade, before.order_hash) if trade.state == "CONFIRMED" else trade
                for trade in trades
            ]
        except TryAgain as error:
            if age_s < CHAIN_PATIENCE_S:
                return None
            self._log.warning("amounts_not_on_chain", order_hash=before.order_hash, error=str(error))
            return end
        return summed(before, booked) if booked else end


def _decision_in(text: str) -> BuyEngineDecision:
    event = read_event(text)
    if not isinstance(event, BuyEngineDecision):
        raise Malformed(f"the open order {text[:120]!r} is no decision")
    return event
