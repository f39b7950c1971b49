"""Threads that poll whoever of a changing list is due: a few threads, however many scopes."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from detector.domain.poll_schedule import PollPace, PollSchedule
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError

_LONGEST_NAP_S = 0.5  # so soon a thread sees a new leader or the stop event
_SYNC_EVERY_S = 0.5
_BUDGET_EVERY_S = 5.0  # a gate's rate changes in seconds; asking costs a round trip to Redis


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """The outcome of a poll: whether the same one will fail again, and how many trades it brought."""

    refused: bool = False
    news: int = 0


class PollRound:
    """Poll `scopes()` at a pace until `stop`; the list and the budget are read again while it runs.

    `forget` hears of each scope that is polled no more, after its last poll.
    """

    def __init__(
        self,
        name: str,
        scopes: Callable[[], tuple[str, ...]],
        poll: Callable[[str], PollOutcome],
        forget: Callable[[str], None],
        pace: PollPace,
        *,
        clock: Clock,
        stop: threading.Event,
        workers: int = 1,
        budget: Callable[[], float] | None = None,
    ) -> None:
        self._scopes, self._poll, self._forget, self._budget = scopes, poll, forget, budget
        self._clock, self._stop = clock, stop
        self._lock = threading.Lock()
        self._schedule = PollSchedule((), pace, clock.monotonic())
        self._synced: tuple[str, ...] = ()
        self._sync_at = self._budget_at = clock.monotonic()
        self._log = logs.get_logger("detector", round=name)
        self.threads = [
            threading.Thread(target=self._poll_due, name=f"{name}-{place}", daemon=True)
            for place in range(max(1, workers))
        ]

    def _poll_due(self) -> None:
        while not self._stop.is_set():
            scope, nap_s = self._next_scope()
            if scope is None:
                self._clock.wait(self._stop, min(max(nap_s, 0.001), _LONGEST_NAP_S))
                continue
            outcome = self._poll(scope)
            with self._lock:
                self._schedule.finish_poll(scope, self._clock.monotonic(), refused=outcome.refused, news=outcome.news)
                if scope not in self._schedule:
                    self._forget(scope)

    def _next_scope(self) -> tuple[str | None, float]:
        with self._lock:
            now = self._clock.monotonic()
            if now >= self._sync_at:
                self._refresh_scopes(now)
            return self._schedule.next_scope(now), self._schedule.wait_s(now)

    def _refresh_scopes(self, now: float) -> None:
        """Read the list and the budget again; a server that is away leaves them as they were."""
        self._sync_at = now + _SYNC_EVERY_S
        try:
            scopes = self._scopes()
            # Identity is enough, and comparing thousands of names twice a second is not free.
            if scopes is not self._synced:
                for gone in self._schedule.sync_scopes(scopes, now):
                    self._forget(gone)
                self._synced = scopes
            if self._budget is not None and now >= self._budget_at:
                self._budget_at = now + _BUDGET_EVERY_S
                self._schedule.set_budget(self._budget())
        except HybridError as error:
            self._log.info("list_unread", error=str(error))
