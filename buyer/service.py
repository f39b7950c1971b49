"""The buyer as a process: one active at a time, recovery first, then signals one by one."""

import queue
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from buyer.engine import Engine
from buyer.journal import Journal
from buyer.prices import MarketPriceFeed
from shared import logs
from shared.clock import Clock
from shared.errors import HybridError, Malformed, OutcomeUnknown, TryAgain, Unavailable
from shared.events import ActionableSignal, AnyEvent, BuyEngineDecision, HybridProgress, read_event
from shared.lease import Lease
from shared.streams import Entry, GroupReader
from shared.writes import Ack

GROUP = "buyer"
MOST_ATTEMPTS = 3
RETRY_S = 1.0
INBOX_WAIT_S = 0.25


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
    ) -> None:
        self._engine, self._journal, self._prices = engine, journal, prices
        self._lease, self._reader, self._clock, self._bankroll = lease, reader, clock, bankroll
        self._inbox = inbox
        self._attempts: Counter[str] = Counter()
        self._active = False
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
        self._log.info("active", holder=self._lease.holder, token=self._lease.token)
        self._keep_trying(stop, self._start)
        while not stop.is_set():
            self._keep_trying(stop, lambda: self._turn(stop))
        self._active = False

    def submit(self, signal: ActionableSignal) -> None:
        """Take a signal from the same process; the stream delivers it as well, so a crash loses nothing."""
        if self._inbox is not None:
            self._inbox.put(signal)

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
            "prices": self._prices.snapshot(),
        }

    def decided(self, decision: BuyEngineDecision) -> None:
        """Count a decision."""
        self.counts[decision.verdict if decision.verdict != "SKIP" else f"SKIP {decision.reason}"] += 1
        self._log.info(
            "decided",
            signal_id=decision.signal_id,
            verdict=decision.verdict,
            reason=decision.reason,
            state=decision.outcome.state if decision.outcome else None,
        )

    def _start(self) -> None:
        self._journal.deposit(self._bankroll)
        for signal_id, intent in self._journal.open_intents().items():
            self._log.warning("intent_resumed", signal_id=signal_id)
            self._engine.resume(intent)

    def _turn(self, stop: threading.Event) -> None:
        self._lease.renew()
        if self._inbox is not None:
            self._take_inbox(self._inbox)
        for entry in self._reader.read():
            if stop.is_set():
                return
            self._lease.renew()
            self._take(entry)
        if self._reader.emptied:
            self._server_was_emptied()

    def _server_was_emptied(self) -> None:
        """Say it loudly: balances and intents are gone with the stream. On paper we begin again."""
        self._reader.emptied = False
        self._log.error("server_emptied", fix="check the server's persistence; the paper ledger starts again")
        self._start()

    def _take_inbox(self, inbox: "queue.Queue[ActionableSignal]") -> None:
        try:
            self._engine.handle(inbox.get(timeout=INBOX_WAIT_S))
            while True:
                self._engine.handle(inbox.get_nowait())
        except queue.Empty:
            return

    def _take(self, entry: Entry) -> None:
        """Handle one entry; what fails again and again goes to the dead stream with its terminal decision."""
        try:
            self._dispatch(read_event(entry.json), entry)
        except Malformed as error:
            self._bury(entry, str(error))
        except HybridError:
            raise
        except Exception as error:
            self._attempts[entry.id] += 1
            self._log.exception("handler_failed", entry=entry.id, attempt=self._attempts[entry.id])
            if self._attempts[entry.id] < MOST_ATTEMPTS:
                raise OutcomeUnknown(f"entry {entry.id} failed: {error}") from error
            self._bury(entry, f"failed {MOST_ATTEMPTS} times: {type(error).__name__}: {error}")

    def _dispatch(self, event: AnyEvent, entry: Entry) -> None:
        if isinstance(event, ActionableSignal):
            self._engine.handle(event, Ack(entry.stream, GROUP, entry.id))
            return
        if isinstance(event, HybridProgress):
            self.warm(event)
        self._reader.ack(entry.id)

    def _bury(self, entry: Entry, reason: str) -> None:
        self._attempts.pop(entry.id, None)
        self._log.error("buried", entry=entry.id, reason=reason)
        self._engine.bury(entry, reason)

    def _keep_trying(self, stop: threading.Event, step: Callable[[], None]) -> None:
        """Run `step`; while Redis is away or an outcome is unknown, wait and read our own pending entries again."""
        try:
            step()
        except (TryAgain, OutcomeUnknown) as error:
            self._log.warning("waiting", error=str(error), away=isinstance(error, Unavailable))
            self._reader.recover()
            self._clock.wait(stop, RETRY_S)
