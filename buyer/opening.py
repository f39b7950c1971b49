"""What a buyer finishes before it decides anything new: start is recovery, the same way every time."""

from collections.abc import Callable

from buyer.attempts import Attempts, Crashed
from buyer.engine import Engine
from buyer.journal import Journal
from buyer.recovery import Recovery
from buyer.settlement import Settlement
from shared import logs
from shared.errors import Malformed, OutcomeUnknown


class Opening:
    """The starting bankroll, the intents without an outcome, and what only the chain knows of us.

    `renew` keeps the lease between its steps.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        attempts: Attempts,
        bankroll: int,
        *,
        renew: Callable[[], None],
        recovery: Recovery | None = None,
        settlement: Settlement | None = None,
    ) -> None:
        self._engine, self._journal, self._attempts, self._bankroll = engine, journal, attempts, bankroll
        self._renew, self._recovery, self._settlement = renew, recovery, settlement
        self._done = self._adopted = False
        self._log = logs.get("buyer")

    def interrupted(self) -> None:
        """Finish what is open again before anything new: a step's outcome is unknown."""
        self._done = False

    def emptied(self) -> None:
        """Ask the chain again as well: the server lost what it knew."""
        self._done = self._adopted = False

    def finish(self) -> None:
        """Finish what is open, once after each interruption; later what is due of what has no outcome yet.

        An order whose outcome stays unknown holds its own token only: everything else goes on.

        Raises:
            TryAgain, Crashed: call again; nothing new may be decided yet.
        """
        if self._done:
            self._ask_again()
            return
        self._journal.deposit(self._bankroll)
        for signal_id, intent in self._journal.open_intents().items():
            if self._engine.unresolved.is_due(signal_id):
                self._log.warning("intent_resumed", signal_id=signal_id)
                self._resume(signal_id, intent, self._journal.signed(signal_id))
        self._adopt()
        self._done = True

    def _ask_again(self) -> None:
        for signal_id in self._engine.unresolved.due():
            known = self._journal.known(signal_id)
            if known.intent is None:
                self._engine.unresolved.forget(signal_id)
            else:
                self._resume(signal_id, known.intent, known.signed)

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

    def _adopt(self) -> None:
        """Adopt what the chain knows of us and the server does not, once in a life and after an emptied server."""
        if self._recovery is None or self._settlement is None or self._adopted:
            return
        for decision in self._recovery.run():
            self._settlement.watch(decision)
        self._adopted = True
