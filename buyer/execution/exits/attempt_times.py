"""The times of exits' next attempts, by a clock that never runs backwards: a wall clock set back delays none."""

from collections.abc import Collection

from buyer.strategy.exit_policy import BACKOFF, wait_s
from shared.clock import Clock
from shared.messages.decisions import ExitTask


class AttemptTimes:
    """When each exit is tried next.

    After a restart the wall time in the ledger says it, and never for longer than an exit waits at most.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due_ms: dict[tuple[str, int], int] = {}

    def is_due(self, task: ExitTask) -> bool:
        """Say whether an exit is to be tried now."""
        name, now_ms = (task.id, task.attempt), self._now_ms()
        if name not in self._due_ms:
            left_ms = task.next_at_ms - self._clock.now_ms()
            self._due_ms[name] = now_ms + min(max(left_ms, 0), round(BACKOFF.longest_s * 1000))
        return self._due_ms[name] <= now_ms

    def counted(self, task: ExitTask) -> None:
        """Take in that an attempt was counted, just now."""
        self._due_ms[task.id, task.attempt] = self._now_ms() + round(wait_s(task) * 1000)

    def keep_only(self, tasks: Collection[ExitTask]) -> None:
        """Forget exits that ended, and attempts that were made."""
        for name in self._due_ms.keys() - {(task.id, task.attempt) for task in tasks}:
            del self._due_ms[name]

    def _now_ms(self) -> int:
        return round(self._clock.monotonic() * 1000)
