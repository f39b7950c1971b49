"""The buyer of one shard: one active at a time, recovery first, then signals one by one."""

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any

from buyer.crash_limiter import Crashed, CrashLimiter
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.buy_gate import BuyGate
from buyer.execution.exit_manager import ExitManager
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor, NotSettled
from buyer.execution.order_transit import OrderTransit
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.recovery.startup import StartupRecovery
from buyer.settlement.worker import SettlementWorker
from buyer.sharding.shard_count import EMPTIED, ShardCount
from buyer.token_backlog import TokenBacklog
from buyer.token_executor import TokenExecutor, token_of
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Emptied, Fenced, GiveUp, HybridError, OutcomeUnknown, TryAgain, Unavailable
from shared.domain.ledger_write import StreamAck
from shared.messages.decisions import BuyEngineDecision
from shared.messages.event_codec import EventReader
from shared.messages.events import AnyEvent, read_event
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal
from shared.process.stop_event import EitherEvent
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry

_SIGNAL = "ACTIONABLE_SIGNAL"
_SIGNALS = EventReader(ActionableSignal)
RETRY_S = 1.0
INBOX_WAIT_S = 0.25
SETTLEMENT_ENDS_S = 5.0
MOST_DEFERRED = 1000
"""Signals that wait for paper orders of their tokens; with more, the stream keeps the rest."""


class SignalConsumer:
    """Reads signals as a group, and from `submit` when it lives inside another process; both may deliver one."""

    name = "buyer"

    def __init__(
        self,
        *,
        engine: BuyExecutor,
        journal: Journal,
        prices: MarketPriceFeed,
        lease: Lease,
        reader: GroupReader,
        clock: Clock,
        bankroll: Callable[[], int | None],
        inbox: "queue.Queue[ActionableSignal] | None" = None,
        settlement: SettlementWorker | None = None,
        recovery: ChainReconciliation | None = None,
        desk: ExitManager | None = None,
        shard: TokenShard = ALL,
        layout: ShardCount | None = None,
        lanes: TokenExecutor | None = None,
        transit: OrderTransit | None = None,
        gate: BuyGate | None = None,
    ) -> None:
        self._engine, self._journal, self._prices = engine, journal, prices
        self._lease, self._reader, self._clock = lease, reader, clock
        self._inbox, self._settlement, self._desk = inbox, settlement, desk
        self._shard, self._layout, self._lanes = shard, layout, lanes or TokenExecutor()
        self._in_order = transit is not None
        self._transit = OrderTransit(clock=clock) if transit is None else transit
        self._attempts, self._gate = CrashLimiter(), gate or BuyGate(clock, lambda _: 0.0)
        self._opening = StartupRecovery(
            engine,
            journal,
            self._attempts,
            bankroll,
            renew=lease.renew,
            recovery=recovery,
            settlement=settlement,
            clock=clock,
        )
        self._deferred: TokenBacklog[StreamEntry | ActionableSignal] = TokenBacklog()
        self._active = self._emptied = False
        self._trimmed = 0
        self.counts: Counter[str] = Counter()
        self._log = logs.get_logger("buyer")

    def run(self, stop: threading.Event) -> None:
        """Wait to be the active buyer, finish what a crash left, then decide until `stop`.

        Raises:
            Fenced: another buyer took over; the supervisor starts us again as the standby.
        """
        if self._lease.acquire(stop):
            self.hold(stop)

    def hold(self, stop: threading.Event) -> None:
        """Be the active buyer until `stop`: the lease is ours already.

        Raises:
            Fenced: another buyer took over.
        """
        self._active = True
        self._log.info("active", holder=self._lease.holder, shard=f"{self._shard.number} of {self._shard.of}")
        try:
            with self._settling(stop):
                while not stop.is_set():
                    self._keep_trying(stop, lambda: self._turn(stop))
        finally:
            self._active = False
            self.close()

    def close(self) -> None:
        """End the threads that worked on signals."""
        self._lanes.close()

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
        return {
            "decisions": dict(sorted(self.counts.items())),
            "signals_lost": self._trimmed,
            "exits": self._desk.snapshot() if self._desk else {},
            **(
                {**self._settlement.snapshot(), "orders_unknown": len(self._engine.unresolved)}
                if self._settlement
                else {}
            ),
        }

    def decided(self, decision: BuyEngineDecision) -> None:
        """Count a decision."""
        kind = decision.reason.partition(":")[0]
        self.counts[decision.verdict if decision.verdict != "SKIP" else f"SKIP {kind}"] += 1
        self._log.info(
            "decided",
            signal_id=decision.signal_id,
            verdict=decision.verdict,
            reason=decision.reason,
            state=decision.outcome.state if decision.outcome else None,
        )

    def work(self, stop: threading.Event, entry: StreamEntry | None) -> None:
        """Stay the active buyer and handle `entry`, if there is one, however often that takes."""
        done = False

        def step() -> None:
            nonlocal done
            self._attend()
            self._go_on()
            if entry is not None:
                self._take(entry)
            done = True

        while not (done or stop.is_set()):
            self._keep_trying(stop, step)

    def rest_s(self, longest: float) -> float:
        """Return how long nothing has to be done without a new signal, `longest` at most."""
        return self._transit.rest_s(longest)

    def drain(self, stop: threading.Event) -> None:
        """Let the orders under way arrive, and decide on what waits for them: no other signal comes."""
        while self._in_order and (len(self._transit) or len(self._deferred)) and not stop.is_set():
            self._clock.wait(stop, self.rest_s(RETRY_S))
            self.work(stop, None)

    @contextlib.contextmanager
    def _settling(self, stop: threading.Event) -> Generator[None]:
        """Follow live orders on a thread of their own while the block runs."""
        if self._settlement is None:
            yield
            return
        done = EitherEvent(stop)
        thread = threading.Thread(target=self._settlement.run, args=(done,), name="settlement", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(SETTLEMENT_ENDS_S)

    def _turn(self, stop: threading.Event) -> None:
        self._attend()
        self._go_on()
        if self._inbox is not None:
            self._take_inbox(self._inbox, stop)
        self._journal.refresh()
        self._lanes.run(self._read(stop), self._take, stop, self._meanwhile)
        self._notice_losses()

    def _read(self, stop: threading.Event) -> list[StreamEntry]:
        """Return the next entries; the read ends when an order arrives, and too much under way ends first."""
        if not len(self._transit):
            return self._reader.read()
        if self._transit.full or len(self._deferred) >= MOST_DEFERRED:
            self._clock.wait(stop, self.rest_s(RETRY_S))
            return []
        return self._reader.read(self.rest_s(RETRY_S))

    def _meanwhile(self) -> None:
        """Between two signals: keep the lease, conclude what arrived, and go on with what waited for it."""
        self._lease.renew()
        if self._transit.land():
            self._take_deferred()

    def _go_on(self) -> None:
        self._transit.land()
        self._take_deferred()

    def _attend(self) -> None:
        """Hold the lease, finish what was interrupted before anything new is decided, and go on with exits."""
        failure = self._settlement.failure if self._settlement else None
        if self._emptied or isinstance(failure, Emptied):
            self._begin_again()
        if failure is not None:
            raise Fenced(f"orders are not followed any more: {failure}") if isinstance(failure, Emptied) else failure
        self._lease.renew()
        self._opening.finish()
        self._gate.recovery = self._opening.waits_for
        self._gate.waits_for()
        if self._desk is not None:
            self._desk.turn()

    def _notice_losses(self) -> None:
        self._emptied = self._emptied or self._reader.emptied
        if self._reader.trimmed > self._trimmed:
            self._log.error("signals_lost", trimmed=self._reader.trimmed - self._trimmed, fix="trim by group only")
        self._trimmed = self._reader.trimmed

    def _begin_again(self) -> None:
        """Take the lease again on a server that lost everything, and buy nothing until somebody looked why."""
        if self._layout is not None:
            self._layout.restore()
        other = self._lease.try_acquire()
        if other:
            raise Fenced(f"the server was emptied and {other} became active")
        self._journal.halt(EMPTIED, self._clock.now_ms())
        self._log.error("server_emptied", fix="check the server's persistence, then `hybrid resume --why ...`")
        self._emptied = self._reader.emptied = False
        self._opening.emptied()

    def _take_inbox(self, inbox: "queue.Queue[ActionableSignal]", stop: threading.Event) -> None:
        """Decide on what waits; the stream delivers each again, so what cannot be handled here is left to it."""
        wait_s = self.rest_s(INBOX_WAIT_S)
        while not stop.is_set():
            try:
                signal = inbox.get(timeout=wait_s)
            except queue.Empty:
                return
            wait_s = 0
            self._meanwhile()
            self._take_signal(signal)

    def _take_signal(self, signal: ActionableSignal) -> None:
        """Decide on a signal of the same process, behind those of its token that wait for an order."""
        if self._must_wait(signal.token_id):
            self._deferred.put(signal.token_id, signal.id, signal)
            return
        try:
            self._admit(signal)
            self._engine.handle(signal)
        except (GiveUp, NotSettled, OutcomeUnknown) as error:
            if self._in_order and isinstance(error, NotSettled):
                self._deferred.put(signal.token_id, signal.id, signal)
                return
            self._log.warning("left_to_the_stream", signal_id=signal.id, error=str(error))
        except HybridError:
            raise
        except Exception:  # noqa: BLE001 - logged whole; the stream's delivery counts the attempts (pitfall 29)
            self._log.exception("left_to_the_stream", signal_id=signal.id)

    def _must_wait(self, token_id: str) -> bool:
        """Say whether signals of this token wait for a paper order: a later one never overtakes them."""
        return self._in_order and self._deferred.holds(token_id)

    def _take(self, entry: StreamEntry) -> None:
        """Handle one entry; what fails again and again goes to the dead stream with its terminal decision.

        One whose order may stand waits for that, and others go on.
        """
        token_id = token_of(entry.json)
        if self._must_wait(token_id):
            self._deferred.put(token_id, entry.id, entry)
            return
        try:
            self._attempts.make(
                entry.id,
                lambda: self._dispatch(
                    _SIGNALS.read(entry.json) if entry.event == _SIGNAL else read_event(entry.json), entry
                ),
                lambda reason: self._bury(entry, reason),
            )
        except Crashed:
            raise
        except (NotSettled, OutcomeUnknown) as error:
            self._defer(token_id, entry, error)

    def _defer(self, token_id: str, entry: StreamEntry, error: NotSettled | OutcomeUnknown) -> None:
        """Keep an entry for the next turn; that its order may stand is said aloud, once: the opening asks for it."""
        say = self._log.warning if isinstance(error, OutcomeUnknown) else self._log.debug
        say("deferred", entry=entry.id, error=str(error))
        self._deferred.put(token_id, entry.id, entry)

    def _take_deferred(self) -> None:
        """Try again what waits for an order to end; not acknowledged, it also comes back after a crash."""
        self._deferred.retry(self._retake)

    def _retake(self, item: StreamEntry | ActionableSignal) -> None:
        if isinstance(item, StreamEntry):
            self._take(item)
        else:
            self._take_signal(item)

    def _dispatch(self, event: AnyEvent, entry: StreamEntry) -> None:
        ours = entry.stream == self._reader.stream
        if isinstance(event, ActionableSignal):
            self._admit(event)
            self._engine.handle(event, StreamAck(entry.stream, self._reader.group, entry.id) if ours else None)
            return
        if isinstance(event, HybridProgress):
            self.warm(event)
        if ours:
            self._reader.ack(entry.id)

    def _admit(self, signal: ActionableSignal) -> None:
        self._gate.admit_signal(
            signal,
            held=lambda: self._journal.holds(signal.leader, signal.token_id),
            skip=self._engine.skip,
        )

    def _bury(self, entry: StreamEntry, reason: str) -> None:
        self._log.error("buried", entry=entry.id, reason=reason)
        self._engine.bury(entry, reason, self._reader.group)

    def _keep_trying(self, stop: threading.Event, step: Callable[[], None]) -> None:
        """Run `step`; while Redis is away or an outcome is unknown, wait and begin with what was interrupted."""
        try:
            step()
        except Emptied as error:
            self._log.error("lease_gone", error=str(error))
            self._emptied = True
            self._transit.drop()
        except (TryAgain, OutcomeUnknown) as error:
            self._log.warning("waiting", error=str(error), away=isinstance(error, Unavailable))
            self._opening.interrupted()
            self._transit.drop()
            self._reader.recover()
            self._clock.wait(stop, RETRY_S)
