"""Recovery at every start: a buyer finishes what is open, the same way every time, before it decides anything new."""

from collections.abc import Callable

from buyer.crash_limiter import Crashed, CrashLimiter
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.unresolved_orders import SHARE, SHOWN_WITHIN_S
from buyer.recovery.chain_reconciliation import ChainReconciliation
from buyer.settlement.worker import SettlementWorker
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import Malformed, OutcomeUnknown, Rejected, TryAgain, Unavailable

BACKOFF = Backoff(first_s=1.0, longest_s=30.0)
LOST_FILLS = "fills that only the chain knows of"
LOSS_WAIT_S = SHOWN_WITHIN_S
"""Seconds after a server went back until the venue shows every order that was sent before."""
SELLS_WAIT_S = 300.0


class StartupRecovery:
    """The starting bankroll, the intents without an outcome, and what only the chain knows of us.

    `renew` keeps the lease between its steps.
    """

    def __init__(
        self,
        engine: BuyExecutor,
        journal: Journal,
        attempts: CrashLimiter,
        bankroll: Callable[[], int | None],
        *,
        renew: Callable[[], None],
        recovery: ChainReconciliation | None = None,
        settlement: SettlementWorker | None = None,
        clock: Clock,
        doubt_since_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._doubt_since_ms = doubt_since_ms
        self._engine, self._journal, self._attempts, self._bankroll = engine, journal, attempts, bankroll
        self._renew, self._recovery, self._settlement = renew, recovery, settlement
        self._done = self._adopted = False
        self._clock, self._failures, self._adopt_at = clock, 0, 0.0
        self._lost_at: float | None = None
        self.waits_for = "" if recovery is None else LOST_FILLS
        self._log = logs.get_logger("buyer")

    def interrupted(self) -> None:
        """Finish what is open again before anything new: a step's outcome is unknown."""
        self._done = False

    def emptied(self) -> None:
        """Ask the chain again as well: the server lost what it knew."""
        self._done = self._adopted = False
        self._failures, self._adopt_at = 0, 0.0
        self.waits_for = "" if self._recovery is None else LOST_FILLS

    def went_back(self) -> None:
        """Ask the venue and the chain what the server forgot, once an order that was on its way has shown itself."""
        self.emptied()
        self._lost_at = self._clock.monotonic()
        if self._settlement is not None:
            self._settlement.went_back()
        self._adopt_at = self._lost_at + LOSS_WAIT_S

    @property
    def seeks_forgotten(self) -> bool:
        """Say whether a signal may have an order that the server forgot; on paper none has."""
        return bool(self.waits_for) and self._lost_at is not None

    @property
    def holds_sells(self) -> bool:
        """Say whether what a sell would sell may be sold already by an order that the server forgot.

        For a while only: a node that stays away must not keep us in.
        """
        return self.seeks_forgotten and self._clock.monotonic() < (self._lost_at or 0) + SELLS_WAIT_S

    def finish(self) -> None:
        """Finish what is open, once after each interruption; later what is due of what has no outcome yet.

        An order whose outcome stays unknown holds its own token only: everything else goes on. `waits_for` says what no
        buy may be sent before.

        Raises:
            TryAgain, Crashed: call again; nothing new may be decided yet.
        """
        if self._done:
            self._ask_again()
        else:
            self._credit()
            self._resume_all()
            self._done = True
        if not self._adopted and self._clock.monotonic() >= self._adopt_at:
            self._try_to_adopt()

    def _credit(self) -> None:
        """Credit what there is; while nobody knows it a ledger that was credited before can go on."""
        amount = self._bankroll()
        if amount is not None:
            self._journal.deposit(amount)
        elif not self._journal.is_credited():
            raise Unavailable("the wallet's balance could not be read yet, and nothing is known of it")

    def _resume_all(self) -> None:
        for signal_id, intent in self._journal.open_intents().items():
            if self._engine.unresolved.is_due(signal_id):
                self._log.warning("intent_resumed", signal_id=signal_id)
                self._resume(signal_id, intent, self._journal.signed(signal_id))

    def _ask_again(self) -> None:
        for signal_id in self._engine.unresolved.due():
            status = self._journal.status_of(signal_id)
            if status.intent is None:
                self._engine.unresolved.forget(signal_id)
            else:
                self._resume(signal_id, status.intent, status.signed)

    def _resume(self, signal_id: str, intent: str, signed: str) -> None:
        self._renew()
        try:
            self._attempts.make(
                signal_id,
                lambda: self._engine.resume(intent, signed),
                lambda reason: self._engine.abandon(intent, signed, reason),
            )
        except Crashed:
            raise
        except OutcomeUnknown as error:
            wait_s = round(self._engine.unresolved.next_in_s(signal_id))
            self._log.warning("outcome_unknown", signal_id=signal_id, error=str(error), again_in_s=wait_s)
        except Malformed as error:
            close = f"hybrid reconcile --mode {self._engine.mode} --close {signal_id} --why ..."
            fix = f"what it reserved stays reserved until `{close}`"
            self._log.error("intent_unreadable", signal_id=signal_id, error=str(error), fix=fix)

    def _try_to_adopt(self) -> None:
        """Adopt what only the chain knows of us; while venue or node are away, that is tried less and less often.

        One that hangs takes no more than its share of the time either: signals and exits wait meanwhile.
        """
        began = self._clock.monotonic()
        try:
            self._adopt()
        except (TryAgain, Malformed, Rejected) as error:
            now = self._clock.monotonic()
            wait_s = max(BACKOFF.wait_s(self._failures), (SHARE - 1) * (now - began))
            self._log.warning("recovery_waits", error=str(error), buys="wait", next_try_s=round(wait_s, 3))
            self._adopt_at = now + wait_s
            self._failures += 1
            return
        self._adopted, self.waits_for = True, ""

    def _adopt(self) -> None:
        """Adopt what the chain knows of us and the server does not, once in a life and after an emptied server."""
        if self._recovery is None or self._settlement is None:
            return
        for decision in self._recovery.run(self._doubt_since_ms()):
            self._settlement.watch(decision)
        if self._recovery.waiting:
            raise Unavailable(f"{self._recovery.waiting} are not there yet")
