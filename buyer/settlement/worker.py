"""Follows every live order until its trades are terminal: by the user feed at once, by REST where that does not do.

The feed never repeats what was missed. What it says is confirmed settles an order only once the chain shows it; all
else (failed, late, told while nobody listened) is read by REST. Many orders that end together are settled together.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any

from buyer.domain.order_result import OrderEnding, OwnTrade, WaitingOrder, never_taken, on_chain, order_ending
from buyer.domain.order_states import is_provisional
from buyer.execution.intent_codec import order_parts, read_open_order
from buyer.execution.unresolved_orders import OrderAbsence
from buyer.settlement.port import OrderFeed, OrderLookups
from buyer.settlement.writer import SettlementWriter
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import Fenced, GiveUp, HybridError, RefusedForSafety, TryAgain
from shared.messages.decisions import BuyEngineDecision, Outcome
from shared.process.stop_event import EitherEvent

POLL_S = 2.0
SOON_S = 1.0
"""How often trades are listed while orders wait for it: at least, and at most when the feed speaks."""
SHARE = 10
"""Listing takes at most this part of the time: with thousands of open orders it is done less often."""
FEED_EVERY_S = 0.5
"""How often what the feed told is settled, all at once."""
MOST_FEED_ORDERS = 2000
"""What the feed tells of orders that are not handed over yet is kept; the oldest leave first."""
FEED_S = 20.0
"""An order that the feed covers is listed only when it said nothing of its end for this long."""
ASK_AFTER_S = 5.0
"""An order that its listed trades do not end is asked for by its hash after this long."""
PATIENCE = 10
"""An order is asked for again after this part of its age: the longer it stays open, the more seldom."""
LONGEST_POLL_S = 60.0
BACKOFF = Backoff(POLL_S, LONGEST_POLL_S)
UNKNOWN_ANSWERS = 5
"""An order that the venue says it does not know, this often over `OVERDUE_S`, was never taken."""
LISTEN_S = 0.25
CHAIN_PATIENCE_S = 120.0
"""A node that cannot show a confirmed trade for this long leaves the amounts as the venue's prices say."""
OVERDUE_S = 300.0
REREAD_S = 30.0
"""The ledger is read again this often: whatever was handed over in memory can be lost, a record cannot."""
ENDS_S = 5.0
"""Its thread is waited for this long."""


@contextlib.contextmanager
def settling(worker: "SettlementWorker | None", stop: threading.Event) -> Generator[None]:
    """Let a worker, where there is one, follow orders on a thread of its own while the block runs, or until `stop`."""
    if worker is None:
        yield
        return
    done = EitherEvent(stop)
    thread = threading.Thread(target=worker.run, args=(done,), name="settlement", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(ENDS_S)


class SettlementWorker:
    """Ends live orders as their trades end. Its thread owns what is open; `watch` may be called from any."""

    def __init__(self, writer: SettlementWriter, lookups: OrderLookups, feed: OrderFeed, *, clock: Clock) -> None:
        self._writer, self._lookups, self._feed, self._clock = writer, lookups, feed, clock
        self._new: queue.SimpleQueue[BuyEngineDecision] = queue.SimpleQueue()
        self._open: dict[str, WaitingOrder] = {}
        self._names: dict[str, str] = {}
        self._feed_trades: dict[str, dict[str, Any]] = {}
        self._overdue: set[str] = set()
        self._listed_at: dict[str, float] = {}
        self._absent: dict[str, OrderAbsence] = {}
        self._failures = 0
        self._next_poll = self._next_read = self._next_feed = clock.monotonic()
        self._rested_at = 0.0
        self._news = False
        self.failure: HybridError | None = None
        self.settled = 0
        self._log = logs.get_logger("settlement")

    def watch(self, decision: BuyEngineDecision) -> None:
        """Follow an order from now on."""
        if decision.outcome is not None and is_provisional(decision.mode, decision.outcome):
            self._new.put(decision)

    def run(self, stop: threading.Event) -> None:
        """Follow orders until `stop`; what must stop the buyer is kept in `failure`."""
        try:
            while not stop.is_set():
                self._listen_once()
        except (Fenced, RefusedForSafety) as error:
            self.failure = error
            self._log.error("settlement_stopped", error=str(error))
        except Exception as error:  # noqa: BLE001 - logged whole; it ends the buyer, and the next start follows them all
            self.failure = HybridError(f"orders are not followed any more: {type(error).__name__}: {error}")
            self._log.exception("settlement_crashed")
        finally:
            self._feed.close()

    def snapshot(self) -> dict[str, int]:
        """Return how many orders are open and how many ended."""
        return {"orders_open": len(self._open), "orders_settled": self.settled, "orders_overdue": len(self._overdue)}

    def step(self, *, news: bool = False) -> None:
        """Take in what is new and, when it is time, look at the open orders.

        Raises:
            TryAgain: Redis or the venue is away; call again later.
            RefusedForSafety: ledger and venue disagree.
        """
        self._read_new()
        now = self._clock.monotonic()
        if self._feed_trades and now >= self._next_feed:
            self._next_feed = now + FEED_EVERY_S
            known = [name for name in self._feed_trades if name in self._names]
            self._settle(self._ends(self._end_by_feed, known))
        if self._open and now >= (self._next_poll - POLL_S + SOON_S if news else self._next_poll):
            self._news = False
            self._next_poll = now + BACKOFF.wait_s(self._failures)
            self._failures += 1
            self._poll(self._unanswered(now), now)
            self._next_poll, self._failures = max(now + POLL_S, self._rested_at), 0

    def _listen_once(self) -> None:
        news = self._feed.wait(LISTEN_S) or self._news
        self._news = news
        try:
            self.step(news=news)
        except TryAgain as error:
            self._log.warning("settlement_waits", error=str(error))
        except GiveUp as error:
            self._log.error("venue_unreadable", error=str(error))

    def _read_new(self) -> None:
        while not self._new.empty():
            self._follow(self._new.get())
        if self._clock.monotonic() >= self._next_read:
            self._next_read = self._clock.monotonic() + REREAD_S
            records = self._writer.unsettled()
            for order_id in self._open.keys() - records.keys():
                self._forget(order_id)
            for order_id in records.keys() - self._open.keys():
                self._follow(read_open_order(records[order_id]))
        for name, raws in self._lookups.trades_of(self._feed.trades()).items():
            self._feed_trades.setdefault(name, {}).update((str(raw.get("id")), raw) for raw in raws)
        while len(self._feed_trades) > MOST_FEED_ORDERS:
            self._feed_trades.pop(next(iter(self._feed_trades)))

    def _follow(self, decision: BuyEngineDecision) -> None:
        order, _ = order_parts(decision)
        if decision.outcome is not None and order.id not in self._open:
            self._open[order.id] = WaitingOrder(decision, decision.outcome)
            self._names[decision.outcome.order_hash] = order.id

    def _forget(self, order_id: str) -> None:
        waiting = self._open.pop(order_id)
        self._names.pop(waiting.before.order_hash, None)
        self._feed_trades.pop(waiting.before.order_hash, None)
        self._overdue.discard(order_id)
        self._listed_at.pop(order_id, None)
        self._absent.pop(order_id, None)

    def _unanswered(self, now: float) -> list[str]:
        """Return the orders that the feed does not cover, or should have told the end of by now; of these what is due.

        It covers those whose trades are known and that were decided while it was connected.
        """
        now_ms = self._clock.now_ms()
        return [
            order_id
            for order_id, one in self._open.items()
            if now - self._listed_at.get(order_id, -LONGEST_POLL_S) >= min(LONGEST_POLL_S, one.age_s(now_ms) / PATIENCE)
            and (
                one.age_s(now_ms) > FEED_S
                or not (one.before.trade_ids and self._feed.covers(one.decision.inputs.now_ms))
            )
        ]

    def _poll(self, late: Sequence[str], now: float) -> None:
        if not late:
            return
        listed = self._lookups.listed(min(self._open[order_id].decision.inputs.now_ms for order_id in late))
        self._settle(self._ends(lambda order_id: self._end_by_listing(order_id, listed), late))
        self._rested_at = now + SHARE * (self._clock.monotonic() - now)

    def _ends(self, find: Callable[[str], OrderEnding | None], names: Iterable[str]) -> list[OrderEnding]:
        """Return the ends that are there; of an order that cannot be read is said so, and no other one waits for it."""
        found: list[OrderEnding | None] = []
        for name in names:
            try:
                found.append(find(name))
            except GiveUp as error:
                self._feed_trades.pop(name, None)
                self._log.error("order_unreadable", order=name, error=str(error))
            except TryAgain as error:
                self._log.warning("settlement_waits", order=name, error=str(error))
                break
        return [end for end in found if end is not None]

    def _end_by_feed(self, name: str) -> OrderEnding | None:
        """Return an order's end by what the feed told of it."""
        order_id = self._names[name]
        waiting = self._open[order_id]
        trades = self._read(name, waiting, self._feed_trades[name].values())
        outcome = order_ending(waiting.before, None, trades)
        return OrderEnding(order_id, waiting, outcome, trades, by_feed_alone=True) if outcome else None

    def _end_by_listing(self, order_id: str, listed: Mapping[str, Sequence[Any]]) -> OrderEnding | None:
        """Return an order's end by its listed trades, or by the order itself where they do not end it."""
        waiting = self._open[order_id]
        self._listed_at[order_id] = self._clock.monotonic()
        name, age_s = waiting.before.order_hash, waiting.age_s(self._clock.now_ms())
        trades = self._read(name, waiting, listed.get(name, ()))
        outcome = order_ending(waiting.before, None, trades)
        if outcome is None and age_s > ASK_AFTER_S and all(trade.state != "PENDING" for trade in trades):
            seen = self._lookups.order(name)
            outcome = (
                order_ending(waiting.before, seen, trades) if seen or trades else self._unknown_end(order_id, waiting)
            )
        if outcome is None:
            self._remind(order_id, waiting, age_s)
        return OrderEnding(order_id, waiting, outcome, trades) if outcome else None

    def _unknown_end(self, order_id: str, waiting: WaitingOrder) -> Outcome | None:
        """Return that an order was never taken which the venue, asked often and long enough, does not know."""
        now = self._clock.monotonic()
        absence = self._absent.setdefault(order_id, OrderAbsence(now))
        absence.answers += 1
        if not absence.is_certain(now, OVERDUE_S, UNKNOWN_ANSWERS):
            return None
        return never_taken(waiting.before, absence.answers)

    def _read(self, name: str, waiting: WaitingOrder, raws: Iterable[Any]) -> list[OwnTrade]:
        _, facts = order_parts(waiting.decision)
        return [self._lookups.trade(raw, name, facts) for raw in raws]

    def _settle(self, ends: Sequence[OrderEnding]) -> None:
        """Settle all at once; where one cannot be, each by itself."""
        try:
            self._settle_at_once(ends)
        except GiveUp as error:
            for end in ends if len(ends) > 1 else ():
                self._settle([end])
            if len(ends) == 1:
                self._feed_trades.pop(ends[0].waiting.before.order_hash, None)
                self._log.error("order_unreadable", order=ends[0].order_id, error=str(error))

    def _settle_at_once(self, ends: Sequence[OrderEnding]) -> None:
        booked = [(end, outcome) for end, outcome in self._booked(ends) if outcome is not None]
        self._writer.settle_all([(end.waiting.decision, outcome) for end, outcome in booked])
        for end, outcome in booked:
            self.settled += 1
            self._forget(end.order_id)
            ids = {"order_id": end.order_id, "signal_id": end.waiting.decision.signal_id}
            self._log.info("settled", **ids, state=outcome.state, shares=outcome.shares)

    def _booked(self, ends: Sequence[OrderEnding]) -> list[tuple[OrderEnding, Outcome | None]]:
        """Return each end with the chain's own amounts; None to look again, unless the node fails us for too long."""
        try:
            chain = self._lookups.booked([one for end in ends for one in end.confirmed])
        except TryAgain as error:
            return [(end, self._without_chain(end, error)) for end in ends]
        for end in ends:
            if apart := end.apart(chain):
                fix = "the smaller counts; `hybrid reconcile` compares it with the wallet"
                self._log.error("amounts_apart", order_hash=end.waiting.before.order_hash, trades=apart, fix=fix)
        return [(end, on_chain(end, chain)) for end in ends]

    def _without_chain(self, end: OrderEnding, error: TryAgain) -> Outcome | None:
        if not end.confirmed:
            return end.outcome
        if end.needs_chain or end.waiting.age_s(self._clock.now_ms()) < CHAIN_PATIENCE_S:
            return None
        self._log.warning("amounts_not_on_chain", order_hash=end.waiting.before.order_hash, error=str(error))
        return end.outcome

    def _remind(self, order_id: str, waiting: WaitingOrder, age_s: float) -> None:
        if age_s > OVERDUE_S and order_id not in self._overdue:
            self._overdue.add(order_id)
            fix = "`hybrid reconcile` shows it; its budget stays reserved until then"
            self._log.error("order_overdue", order_id=order_id, order_hash=waiting.before.order_hash, fix=fix)
