"""The buyer as a process: one active at a time, recovery first, then signals one by one."""

import contextlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any

from buyer.engine import Engine, NotSettled
from buyer.exit_desk import ExitDesk
from buyer.journal import Journal
from buyer.lanes import Lanes
from buyer.prices import MarketPriceFeed
from buyer.recovery import Recovery
from buyer.settlement import Settlement
from shared import logs
from shared.clock import Clock
from shared.errors import Emptied, Fenced, GiveUp, HybridError, Malformed, OutcomeUnknown, TryAgain, Unavailable
from shared.events import ActionableSignal, AnyEvent, BuyEngineDecision, HybridProgress, read_event
from shared.lease import Lease
from shared.streams import Entry, GroupReader
from shared.writes import Ack

GROUP = "buyer"
MOST_ATTEMPTS = 3
RETRY_S = 1.0
INBOX_WAIT_S = 0.25
SETTLEMENT_ENDS_S = 5.0


class BuyerService:
    """Reads signals as a group, and from `submit` when it lives inside another process; both may deliver one."""

    name = "buyer"

    def __init__(
        self,
        *,
        engine: Engine,
        journal: Journal,
        prices: MarketPriceFeed,
        lease: Lease,
        reader: GroupReader,
        clock: Clock,
        bankroll: int,
        inbox: "queue.Queue[ActionableSignal] | None" = None,
        settlement: Settlement | None = None,
        recovery: Recovery | None = None,
        desk: ExitDesk | None = None,
        lanes: Lanes | None = None,
    ) -> None:
        self._engine, self._journal, self._prices = engine, journal, prices
        self._lease, self._reader, self._clock, self._bankroll = lease, reader, clock, bankroll
        self._inbox, self._settlement, self._recovery, self._desk = inbox, settlement, recovery, desk
        self._lanes = lanes or Lanes()
        self._deferred: dict[str, Entry] = {}
        self._attempts: Counter[str] = Counter()
        self._active = self._settled = self._emptied = self._recovered = False
        self._trimmed = 0
        self.counts: Counter[str] = Counter()
        self._log = logs.get("buyer")

    def run(self, stop: threading.Event) -> None:
        """Wait to be the active buyer, finish what a crash left, then decide until `stop`.

        Raises:
            Fenced: another buyer took over; the supervisor starts us again as the standby.
        """
        if not self._lease.acquire(stop):
            return
        self._active = True
        self._log.info("active", holder=self._lease.holder)
        with self._settling(stop):
            while not stop.is_set():
                self._keep_trying(stop, lambda: self._turn(stop))
        self._active = False

    def submit(self, signal: ActionableSignal) -> None:
        """Take a signal from the same process; the stream delivers it as well, so a crash loses nothing."""
        if self._inbox is not None:
            with contextlib.suppress(queue.Full):
                self._inbox.put_nowait(signal)

    def warm(self, progress: HybridProgress) -> None:
        """Prepare for what leaders are live in."""
        self._prices.warm(progress.live_tokens)

    def ready(self) -> bool:
        """Say whether this buyer is the active one."""
        return self._active

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far and how the prices did."""
        return {
            "active": self._active,
            "decisions": dict(sorted(self.counts.items())),
            "signals_lost": self._trimmed,
            "prices": self._prices.snapshot(),
            "exits": self._desk.snapshot() if self._desk else {},
            **(self._settlement.snapshot() if self._settlement else {}),
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

    def work(self, stop: threading.Event, entry: Entry | None) -> None:
        """Stay the active buyer and handle `entry`, if there is one, however often that takes."""
        done = False

        def step() -> None:
            nonlocal done
            self._attend()
            self._take_deferred()
            if entry is not None:
                self._take(entry)
            done = True

        while not (done or stop.is_set()):
            self._keep_trying(stop, step)

    @contextlib.contextmanager
    def _settling(self, stop: threading.Event) -> Generator[None]:
        """Follow live orders on a thread of their own while the block runs."""
        if self._settlement is None:
            yield
            return
        done = Either(stop)
        thread = threading.Thread(target=self._settlement.run, args=(done,), name="settlement", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(SETTLEMENT_ENDS_S)

    def _turn(self, stop: threading.Event) -> None:
        self._attend()
        self._take_deferred()
        if self._inbox is not None:
            self._take_inbox(self._inbox, stop)
        self._lanes.run(self._reader.read(), self._take, stop, self._lease.renew)
        self._notice_losses()

    def _attend(self) -> None:
        """Hold the lease, finish what was interrupted before anything new is decided, and go on with exits."""
        if self._settlement is not None and self._settlement.failure is not None:
            raise self._settlement.failure
        if self._emptied:
            self._begin_again()
        self._lease.renew()
        if not self._settled:
            self._recover()
        if self._desk is not None:
            self._desk.turn()

    def _recover(self) -> None:
        self._journal.deposit(self._bankroll)
        for signal_id, intent in self._journal.open_intents().items():
            self._log.warning("intent_resumed", signal_id=signal_id)
            self._resume(signal_id, intent)
        self._adopt()
        self._settled = True

    def _resume(self, signal_id: str, intent: str) -> None:
        signed = self._journal.signed(signal_id)
        try:
            self._guarded(
                signal_id,
                lambda: self._engine.resume(intent, signed),
                lambda reason: self._engine.abandon(intent, signed, reason),
            )
        except Malformed as error:
            fix = "its budget stays reserved; read hs:paper:intents and hs:decisions, then delete it there"
            self._log.error("intent_unreadable", signal_id=signal_id, error=str(error), fix=fix)

    def _adopt(self) -> None:
        """Adopt what the chain knows of us and the server does not, once in a life and after an emptied server."""
        if self._recovery is None or self._settlement is None or self._recovered:
            return
        for decision in self._recovery.run():
            self._settlement.watch(decision)
        self._recovered = True

    def _notice_losses(self) -> None:
        self._emptied = self._emptied or self._reader.emptied
        if self._reader.trimmed > self._trimmed:
            self._log.error("signals_lost", trimmed=self._reader.trimmed - self._trimmed, fix="trim by group only")
        self._trimmed = self._reader.trimmed

    def _begin_again(self) -> None:
        """Take the lease again on a server that lost everything, and buy nothing until somebody looked why."""
        other = self._lease.try_acquire()
        if other:
            raise Fenced(f"the server was emptied and {other} became active")
        why = "the server was emptied: balances, intents and signals are gone"
        self._journal.halt(why, self._clock.now_ms())
        self._log.error("server_emptied", fix="check the server's persistence, then `hybrid resume --why ...`")
        self._emptied = self._reader.emptied = self._settled = self._recovered = False

    def _take_inbox(self, inbox: "queue.Queue[ActionableSignal]", stop: threading.Event) -> None:
        """Decide on what waits; the stream delivers each again, so what cannot be handled here is left to it."""
        wait_s = INBOX_WAIT_S
        while not stop.is_set():
            try:
                signal = inbox.get(timeout=wait_s)
            except queue.Empty:
                return
            wait_s = 0
            self._lease.renew()
            try:
                self._engine.handle(signal)
            except (GiveUp, NotSettled) as error:
                self._log.warning("left_to_the_stream", signal_id=signal.id, error=str(error))
            except HybridError:
                raise
            except Exception:  # noqa: BLE001 - logged whole; the stream's delivery counts the attempts (trap 29)
                self._log.exception("left_to_the_stream", signal_id=signal.id)

    def _take(self, entry: Entry) -> None:
        """Handle one entry; what fails again and again goes to the dead stream with its terminal decision."""
        try:
            self._guarded(
                entry.id,
                lambda: self._dispatch(read_event(entry.json), entry),
                lambda reason: self._bury(entry, reason),
            )
        except NotSettled as error:
            self._log.info("deferred", entry=entry.id, error=str(error))
            self._deferred[entry.id] = entry

    def _take_deferred(self) -> None:
        """Try again what waits for an order to settle; not acknowledged, it also comes back after a crash."""
        waiting, self._deferred = self._deferred, {}
        for entry in waiting.values():
            self._take(entry)

    def _guarded(self, name: str, step: Callable[[], object], give_up: Callable[[str], object]) -> None:
        """Run `step`; one that can never work, or crashed often enough, is given up with its reason."""
        try:
            step()
        except GiveUp as error:
            give_up(str(error))
        except HybridError:
            raise
        except Exception as error:
            self._attempts[name] += 1
            self._log.exception("handler_failed", name=name, attempt=self._attempts[name])
            if self._attempts[name] < MOST_ATTEMPTS:
                raise OutcomeUnknown(f"{name} failed: {error}") from error
            give_up(f"failed {MOST_ATTEMPTS} times: {type(error).__name__}: {error}")
        self._attempts.pop(name, None)

    def _dispatch(self, event: AnyEvent, entry: Entry) -> None:
        ours = entry.stream == self._reader.stream
        if isinstance(event, ActionableSignal):
            self._engine.handle(event, Ack(entry.stream, GROUP, entry.id) if ours else None)
            return
        if isinstance(event, HybridProgress):
            self.warm(event)
        if ours:
            self._reader.ack(entry.id)

    def _bury(self, entry: Entry, reason: str) -> None:
        self._log.error("buried", entry=entry.id, reason=reason)
        self._engine.bury(entry, reason)

    def _keep_trying(self, stop: threading.Event, step: Callable[[], None]) -> None:
        """Run `step`; while Redis is away or an outcome is unknown, wait and begin with what was interrupted."""
        try:
            step()
        except Emptied as error:
            self._log.error("lease_gone", error=str(error))
            self._emptied = True
        except (TryAgain, OutcomeUnknown) as error:
            self._log.warning("waiting", error=str(error), away=isinstance(error, Unavailable))
            self._settled = False
            self._reader.recover()
            self._clock.wait(stop, RETRY_S)


class Either(threading.Event):
    """Set by itself, or by the process's own stop."""

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        """Say whether it is time to stop."""
        return super().is_set() or self._outer.is_set()
