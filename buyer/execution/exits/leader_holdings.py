"""What leaders hold of the tokens of our lots: asked once for each lot, on a thread of its own, beside the signals."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.ledger_accounts import Lot
from shared.domain.money import Shares

AskHeld = Callable[[Lot], Shares]
"""Returns what the leader of a lot holds of its token; raises our errors where nobody can tell."""
MOST_WAITING = 1000


class HeldAnswer(NamedTuple):
    """What a lot's leader holds."""

    lot: Lot
    shares: Shares


class LeaderHoldings:
    """Asks for each lot at its first sight; every trade of the leader's after that is told by his signals."""

    def __init__(self, ask: AskHeld, clock: Clock, stop: threading.Event) -> None:
        self._ask, self._clock, self._stop = ask, clock, stop
        self._seen: set[tuple[str, int]] = set()
        self._wanted: queue.Queue[Lot] = queue.Queue(MOST_WAITING)
        self._answers: queue.SimpleQueue[HeldAnswer] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("exits")

    def want(self, lots: Iterable[Lot]) -> None:
        """Ask for the lots that were not seen before; what there is no room for now is wanted again."""
        current = {(lot.key, lot.opened_at_ms): lot for lot in lots}
        self._seen &= current.keys()
        for name in current.keys() - self._seen:
            with contextlib.suppress(queue.Full):
                self._wanted.put_nowait(current[name])
                self._seen.add(name)
        if not self._wanted.empty() and self._thread is None:
            self._thread = threading.Thread(target=self._work, name="leader-holdings", daemon=True)
            self._thread.start()

    def answers(self) -> list[HeldAnswer]:
        """Return what was found out since the last time."""
        found: list[HeldAnswer] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._answers.get_nowait())
        return found

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.answer_next(wait_s=1.0)
            except queue.Empty:
                continue

    def answer_next(self, wait_s: float = 0) -> None:
        """Ask for the next lot; one that nobody can tell of is wanted again.

        Raises:
            queue.Empty: none waits.
        """
        lot = self._wanted.get(timeout=wait_s) if wait_s else self._wanted.get_nowait()
        try:
            self._answers.put(HeldAnswer(lot, self._ask(lot)))
        except HybridError as error:
            self._log.info("leader_holding_unknown", leader=lot.leader, token_id=lot.token_id, error=str(error))
            self._seen.discard((lot.key, lot.opened_at_ms))
            self._clock.wait(self._stop, wait_s)
