"""Who is polled next: pure. Fair to all, however many there are and however slow the budget is."""

from collections.abc import Iterable

MOST_PAUSE_S = 60.0
"""The longest rest of a scope that keeps failing."""


class Schedule:
    """Each scope is due `every_s` after its last poll ended; the one that waited longest goes first.

    A scope in flight is not handed out again. One that is refused rests longer each time (doubling, up to
    `MOST_PAUSE_S`), so it does not eat the others' budget. (A throttled upstream is its gate's matter.)
    """

    def __init__(self, scopes: Iterable[str], every_s: float, now: float) -> None:
        self._every_s = every_s
        self._due = dict.fromkeys(scopes, now)
        self._refusals = dict.fromkeys(self._due, 0)
        self._in_flight: set[str] = set()

    def take(self, now: float) -> str | None:
        """Return the scope that is due longest, or None."""
        waiting = [(due, place, scope) for place, (scope, due) in enumerate(self._due.items()) if self._free(scope)]
        if not waiting:
            return None
        due, _, scope = min(waiting)
        if due > now:
            return None
        self._in_flight.add(scope)
        return scope

    def wait_s(self, now: float) -> float:
        """Return how long until a scope is due; `every_s` when all are in flight."""
        due = [at for scope, at in self._due.items() if self._free(scope)]
        return max(0.0, min(due) - now) if due else self._every_s

    def done(self, scope: str, now: float, *, refused: bool = False) -> None:
        """Take a scope back after its poll."""
        self._in_flight.discard(scope)
        self._refusals[scope] = self._refusals[scope] + 1 if refused else 0
        pause_s = self._every_s * 2 ** min(self._refusals[scope], 16)
        self._due[scope] = now + max(self._every_s, min(pause_s, MOST_PAUSE_S))

    def _free(self, scope: str) -> bool:
        return scope not in self._in_flight
