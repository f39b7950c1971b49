"""Whether our account may buy: once every check of the preflight has passed, asked again while the venue is away.

No answer, a throttle, a fault and what cannot be read are no "no": only an answer that says so refuses. An account
that may only close, or has no cash, sells what it holds and waits with its buys.
"""

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from buyer.venue.polymarket.ban_detector import RefusalRow
from buyer.venue.polymarket.preflight import PreflightCheck, refusal
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, Malformed, Rejected, TryAgain, Unavailable

BACKOFF = Backoff(first_s=1.0, longest_s=30.0)
FIRST_LOOK_S = 3.0
ENDS_WITHIN_S = 1.0

Answer = TypeVar("Answer")


class PreflightChecks(Protocol):
    """Looks at everything that must hold."""

    def run(self) -> tuple[PreflightCheck, ...]:
        """Return every check, failed or not."""
        ...


class BuyPermission:
    """Asked by a thread of its own while checks are `unanswered`; any thread may ask which."""

    def __init__(
        self, checks: PreflightChecks, *, clock: Clock, stop: threading.Event, granted: Callable[[], None]
    ) -> None:
        self._checks, self._clock, self._stop, self._granted = checks, clock, stop, granted
        self.unanswered = "the first look at the venue"
        self._failure: HybridError | None = None
        self._looked = threading.Event()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("preflight")

    def waits_for(self) -> str:
        """Return which checks have no answer yet, '' once all have passed.

        Raises:
            RefusedForSafety: one of them says no.
        """
        if self._failure is not None:
            raise self._failure
        return self.unanswered

    def start(self) -> None:
        """Ask in the background until all is answered; a first look that is not over soon must not keep exits waiting.

        Raises:
            RefusedForSafety: a check says no; the message has one line for each, with its fix.
        """
        self._thread = threading.Thread(target=self._run, name="preflight", daemon=True)
        self._thread.start()
        self._clock.wait(self._looked, FIRST_LOOK_S)
        if self._failure is not None:
            raise self._failure

    def withdraw(self, check: str) -> None:
        """Buy nothing until every check has passed again: the venue said no to a buy, and sells go on."""
        if self.unanswered or self._stop.is_set():
            return
        self.unanswered = check
        self._log.error("sells_only", check=check, found="the venue refused a buy", fix="it is asked again and again")
        self._thread = threading.Thread(target=self._run, name="preflight", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the thread to end; the process's stop event ends it."""
        if self._thread is not None:
            self._thread.join(ENDS_WITHIN_S)

    def ask(self) -> None:
        """Make every check.

        Raises:
            RefusedForSafety: one says no.
        """
        checks = self._checks.run()
        if any(check.refused for check in checks):
            raise refusal(checks)
        self.unanswered = ", ".join(check.name for check in checks if check.waits)
        for check in checks:
            if not check.answered:
                self._log.warning("check_unanswered", check=check.name, found=check.found)
            elif check.sells_only:
                self._log.error("sells_only", check=check.name, found=check.found, fix=check.fix)
            elif check.fix:
                self._log.warning("check_noted", check=check.name, found=check.found, fix=check.fix)
        if not self.unanswered:
            self._granted()

    def _run(self) -> None:
        try:
            self._ask_until_answered()
        except HybridError as error:
            self._failure = error
        except Exception as error:  # noqa: BLE001 - logged whole; it ends the buyer
            self._failure = HybridError(f"the preflight crashed: {type(error).__name__}: {error}")
            self._log.exception("preflight_crashed")
        finally:
            self._looked.set()

    def _ask_until_answered(self) -> None:
        for pause_s in BACKOFF.waits():
            self.ask()
            if not self.unanswered:
                self._log.info("buys_allowed")
                return
            self._looked.set()
            self._log.warning("buys_wait", waiting_for=self.unanswered, exits="go on", next_try_s=pause_s)
            if self._clock.wait(self._stop, pause_s):
                return


def retry_patiently(what: str, act: Callable[[], Answer], clock: Clock, stop: threading.Event) -> Answer:
    """Return what `act` gets from the venue, however long that is away; what it does must be safe to do again.

    Raises:
        Unavailable: told to stop before it came.
        HybridError: an answer that says no, and says so again.
    """
    log, row = logs.get_logger("preflight"), RefusalRow()
    for pause_s in BACKOFF.waits():
        try:
            return act()
        except (TryAgain, Malformed, Rejected) as error:
            if isinstance(error, Rejected) and row.is_final(error, clock.monotonic()):
                raise
            log.warning("venue_waited_for", wanted=what, error=str(error), next_try_s=pause_s)
        if clock.wait(stop, pause_s):
            break
    raise Unavailable(f"told to stop while the venue was asked for {what}")
