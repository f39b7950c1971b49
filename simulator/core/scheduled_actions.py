"""Actions planned for later, run in the order of their times."""

import heapq
from collections.abc import Callable
from itertools import count

Action = Callable[[int], None]


class Agenda:
    """Keep actions until they are due; each is told the time it was due at."""

    def __init__(self) -> None:
        """Start empty."""
        self._heap: list[tuple[int, int, Action]] = []
        self._order = count()

    def at(self, at_ms: int, action: Action) -> None:
        """Plan an action; equal times keep their order of planning."""
        heapq.heappush(self._heap, (at_ms, next(self._order), action))

    def next_ms(self) -> int | None:
        """Return when the next action is due."""
        return self._heap[0][0] if self._heap else None

    def run_until(self, now_ms: int) -> int:
        """Run what is due, including what it plans itself; return how many ran."""
        ran = 0
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, _, action = heapq.heappop(self._heap)
            action(due_ms)
            ran += 1
        return ran
