"""The steps of floors: when an exit that waits at its floor may lower it, by a clock that never runs backwards."""

from collections.abc import Collection

from msgspec.structs import replace

from buyer.strategy.exits.exit_floor import can_lower, lowered
from buyer.strategy.limits import TradingLimits
from shared.clock import Clock
from shared.messages.decisions import ExitTask


class FloorSteps:
    """Exits that wait at their floors, and when each may take its next step.

    Only waiting counts: a floor that no attempt was refused at stays, however long the buyer was stopped. After a
    restart what is left of a step is told by the wall clock, and never more than a step.
    """

    def __init__(self, clock: Clock, limits: TradingLimits) -> None:
        self._clock, self._limits = clock, limits
        self._due_s: dict[str, float] = {}
        self._ended: set[str] = set()

    def __len__(self) -> int:
        """Return how many exits wait at their floors."""
        return len(self._due_s)

    @property
    def ended(self) -> int:
        """Return how many of them have no step left."""
        return len(self._ended)

    def step(self, task: ExitTask, now_ms: int) -> ExitTask:
        """Return the exit as it is tried next: a step lower when it waited for one."""
        due_s, limits = self._due_s.get(task.id), self._limits.of(task.leader)
        if due_s is None:
            return task
        if not task.lowered_at_ms:
            return replace(task, lowered_at_ms=now_ms)  # the wait's begin, for who starts again
        if self._clock.monotonic() < due_s or not can_lower(task, limits):
            return task
        del self._due_s[task.id]
        return lowered(task, now_ms)

    def note(self, task: ExitTask, *, at_floor: bool) -> None:
        """Take in whether an attempt was refused at its floor."""
        self._ended.discard(task.id)
        if at_floor and task.lowered_at_ms and not can_lower(task, self._limits.of(task.leader)):
            self._ended.add(task.id)
        if not at_floor:
            self._due_s.pop(task.id, None)
        elif task.id not in self._due_s:
            self._due_s[task.id] = self._clock.monotonic() + self._left_s(task)

    def keep_only(self, exits: Collection[str]) -> None:
        """Forget exits that ended."""
        for name in self._due_s.keys() - set(exits):
            del self._due_s[name]
        self._ended &= set(exits)

    def _left_s(self, task: ExitTask) -> float:
        step_s = self._limits.of(task.leader).exit_floor_step_s
        if not task.lowered_at_ms:
            return step_s
        passed_s = (self._clock.now_ms() - task.lowered_at_ms) / 1000
        return min(max(step_s - passed_s, 0.0), step_s)
