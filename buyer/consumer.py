"""The buyer of one shard: one active at a time, recovery first, then the signals of its tokens."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

from buyer.crash_limiter import CrashLimiter
from buyer.decision_counter import DecisionCounter
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.batches.entry_batch import EntryBatch
from buyer.execution.buy_gate import BuyGate
from buyer.execution.exit_manager import ExitManager
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_transit import OrderTransit
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.recovery.loss_recovery import LossRecovery
from buyer.recovery.retractions import Retractions
from buyer.recovery.server_losses import ServerLosses
from buyer.recovery.startup import StartupRecovery
from buyer.settlement.worker import SettlementWorker, settling
from buyer.sharding.shard_count import ShardCount
from buyer.signal_handler import SignalHandler, is_retraction
from buyer.token_executor import TokenExecutor
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Emptied, Fenced, HybridError, OutcomeUnknown, TryAgain, Unavailable
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry

RETRY_S = 1.0
INBOX_WAIT_S = 0.25
MOST_DEFERRED = 1000
"""Signals that wait for paper orders of their tokens; with more, the stream keeps the rest."""


class SignalConsumer:
    """Reads signals as a group, and from `submit` when it lives inside another process; both may deliver one."""

    name = "buyer"

    def __init__(
        self,
        *,
        executor: BuyExecutor,
        journal: Journal,
        prices: MarketPriceFeed,
        lease: Lease,
        reader: GroupReader,
        clock: Clock,
        bankroll: Callable[[], int | None],
        inbox: "queue.Queue[ActionableSignal] | None" = None,
        settlement: SettlementWorker | None = None,
        recovery: ChainReconciliation | None = None,
        exit_manager: ExitManager | None = None,
        shard: TokenShard = ALL,
        layout: ShardCount | None = None,
        token_executor: TokenExecutor | None = None,
        transit: OrderTransit | None = None,
        gate: BuyGate | None = None,
        counter: DecisionCounter | None = None,
        retractions: Retractions,
        losses: ServerLosses | None = None,
        watchers: Sequence[Callable[[], None]] = (),
    ) -> None:
        self._executor, self._journal, self._prices = executor, journal, prices
        self._lease, self._reader, self._clock = lease, reader, clock
        self._inbox, self._settlement, self._exits = inbox, settlement, exit_manager
        self._watchers = watchers
        self._shard, self._token_executor = shard, token_executor or TokenExecutor()
        self._in_order = transit is not None
        self._transit = OrderTransit(clock=clock) if transit is None else transit
        self._attempts, self._gate = CrashLimiter(), gate or BuyGate(clock, lambda _: 0.0)
        self._recovery = StartupRecovery(
            executor,
            journal,
            self._attempts,
            bankroll,
            renew=lease.renew,
            recovery=recovery,
            settlement=settlement,
            clock=clock,
            doubt_since_ms=lambda: losses.doubt_since_ms if losses is not None else 0,
        )
        self._loss = LossRecovery(
            journal,
            self._recovery,
            self._gate,
            lease=lease,
            reader=reader,
            transit=self._transit,
            clock=clock,
            layout=layout,
            losses=losses,
        )
        self._handler = SignalHandler(
            executor,
            journal,
            self._gate,
            self._attempts,
            reader,
            in_order=self._in_order,
            warm=self.warm,
            retract=retractions.take,
        )
        self._batch = EntryBatch(
            self._handler,
            journal,
            self._token_executor,
            renew=lease.renew,
            between=self._between_signals,
            is_due=lambda: self._transit.due,
        )
        self._active = False
        self.counter = counter or DecisionCounter()
        self._log = logs.get_logger("buyer")

    def run(self, stop: threading.Event) -> None:
        """Wait to be the active buyer, finish what a crash left, then decide until `stop`.

        Raises:
            Fenced: another buyer took over; the supervisor starts us again as the standby.
        """
        if self._lease.acquire(stop):
            self.consume(stop)

    def consume(self, stop: threading.Event) -> None:
        """Be the active buyer until `stop`: the lease is ours already.

        Raises:
            Fenced: another buyer took over.
        """
        with self.at_work(stop):
            while not stop.is_set():
                self._keep_trying(stop, lambda: self._consume_once(stop))

    @contextlib.contextmanager
    def at_work(self, stop: threading.Event) -> Generator[None]:
        """Be the active buyer while the block runs, whoever reads the signals: live orders are followed meanwhile."""
        self._active = True
        self._log.info("active", holder=self._lease.holder, shard=f"{self._shard.number} of {self._shard.of}")
        try:
            with settling(self._settlement, stop):
                yield
        finally:
            self._active = False
            self.close()

    def close(self) -> None:
        """End the threads that worked on signals, and acknowledge what is done."""
        self._token_executor.close()
        with contextlib.suppress(HybridError):
            self._reader.flush()

    def submit(self, signal: ActionableSignal) -> None:
        """Take a signal from the same process; the stream delivers it as well, so a crash loses nothing."""
        if self._inbox is not None:
            with contextlib.suppress(queue.Full):
                self._inbox.put_nowait(signal)

    def warm(self, progress: HybridProgress) -> None:
        """Prepare for what leaders are live in."""
        self._prices.warm(tuple(token for token in progress.live_tokens if self._shard.owns(token)))

    def ready(self) -> bool:
        """Say whether this buyer is the active one, may buy, and does not hang."""
        return self._active and not self._lease.overdue and self.may_buy()

    def may_buy(self) -> bool:
        """Say whether buys are sent, not held back."""
        try:
            return not self._gate.waits_for()
        except HybridError:
            return False

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far and how the prices did."""
        return {"active": self._active, **self.figures(), "prices": self._prices.snapshot()}

    def figures(self) -> dict[str, Any]:
        """Return what was counted in this shard: numbers, and dicts of them."""
        unknown = {"orders_unknown": len(self._executor.unresolved)}
        return {
            "decisions": dict(sorted(self.counter.counts.items())),
            "signals_lost": self._loss.trimmed,
            "exits": self._exits.snapshot() if self._exits else {},
            **(self._settlement.snapshot() | unknown if self._settlement else {}),
        }

    def work(self, stop: threading.Event, entry: StreamEntry | None) -> None:
        """Stay the active buyer and handle `entry`, if there is one, however often that takes."""
        done = False

        def step() -> None:
            nonlocal done
            self._finish_before_deciding()
            self._land_orders()
            if entry is not None:
                self._handler.handle_entry(entry)
            done = True

        while not (done or stop.is_set()):
            self._keep_trying(stop, step)

    def rest_s(self, longest: float) -> float:
        """Return how long nothing has to be done without a new signal, `longest` at most."""
        return self._transit.rest_s(longest)

    def drain(self, stop: threading.Event) -> None:
        """Let the orders under way end, live ones too, and decide on what waits for them: no other signal comes."""
        if self._has_work_left(stop):
            self._log.info("last_orders", waiting=len(self._handler), fix="a stop leaves live orders to the next start")
        while not stop.is_set() and self._has_work_left(stop):
            self._clock.wait(stop, self.rest_s(RETRY_S))
            self.work(stop, None)

    def _has_work_left(self, stop: threading.Event) -> bool:
        """Say whether something of what was read has not ended."""
        left = bool(len(self._transit) or len(self._handler))

        def look() -> None:
            nonlocal left
            left = bool(self._journal.unsettled())

        if self._settlement is not None and not left:
            left = True
            self._keep_trying(stop, look)
        return left

    def _consume_once(self, stop: threading.Event) -> None:
        self._finish_before_deciding()
        self._land_orders()
        if self._inbox is not None:
            self._handler.handle_inbox(self._inbox, self.rest_s(INBOX_WAIT_S), stop, self._between_signals)
        self._journal.refresh()
        self._gate.refresh()
        entries = self._read(stop)
        self._loss.note_entries(entries)
        # What was read is taken back before it is decided on, however many entries stand between.
        entries = sorted(entries, key=lambda entry: not is_retraction(entry))
        self._batch.run(entries, stop)
        self._loss.notice()

    def _read(self, stop: threading.Event) -> list[StreamEntry]:
        """Return the next entries; the read ends when an order arrives, and too much under way ends first."""
        if not len(self._transit):
            return self._reader.read()
        if self._transit.full or len(self._handler) >= MOST_DEFERRED:
            self._clock.wait(stop, self.rest_s(RETRY_S))
            return []
        return self._reader.read(self.rest_s(RETRY_S))

    def _between_signals(self) -> None:
        """Keep the lease, conclude the orders that arrived, and go on with what waited for them."""
        self._lease.renew()
        if self._transit.land(self._executor.carry_out_all):
            self._handler.retry_deferred()

    def _land_orders(self) -> None:
        self._transit.land(self._executor.carry_out_all)
        self._handler.retry_deferred()

    def _finish_before_deciding(self) -> None:
        """Keep the lease, finish what was interrupted before anything new is decided, and go on with exits."""
        failure = self._settlement.failure if self._settlement else None
        self._loss.emptied = self._loss.emptied or isinstance(failure, Emptied)
        self._loss.recover()
        if failure is not None:
            raise Fenced(f"orders are not followed any more: {failure}") if isinstance(failure, Emptied) else failure
        self._lease.renew()
        self._recovery.finish()
        self._loss.end_doubt()
        self._gate.waits_for()  # raises where nothing may be bought at all: the buyer ends, and says why
        for work_due in self._watchers:
            work_due()
        if self._exits is not None and not self._recovery.holds_sells:
            self._exits.work_due()

    def _keep_trying(self, stop: threading.Event, step: Callable[[], None]) -> None:
        """Run `step`; while Redis is away or an outcome is unknown, wait and begin with what was interrupted."""
        try:
            step()
        except Emptied as error:
            self._log.error("lease_gone", error=str(error))
            self._loss.emptied = True
            self._transit.drop()
        except (TryAgain, OutcomeUnknown) as error:
            self._log.warning("waiting", error=str(error), away=isinstance(error, Unavailable))
            self._recovery.interrupted()
            self._transit.drop()
            self._reader.recover()
            self._clock.wait(stop, RETRY_S)
