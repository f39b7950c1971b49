"""Where push connections put what they see, and the source takes it from: bounded, and awake at once."""

import threading
from collections import OrderedDict

from detector.sources.port import Batch, View
from shared.clock import Clock

MOST_WAITING = 10_000
"""Views that wait while Redis is away; the oldest leave first, for the other sources to bring."""
MOST_PROBLEMS = 100

Place = tuple[str, int, int]
"""A view while it grows: lane, connection, number."""


class Inbox:
    """Views of several connections; safe to use from any thread.

    A view that grows replaces itself: what arrives together leaves together, with no delay added.
    """

    def __init__(self, source: str, clock: Clock, *, most: int = MOST_WAITING) -> None:
        self._source, self._clock, self._most = source, clock, most
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._views: OrderedDict[Place, View] = OrderedDict()
        self._problems: list[str] = []
        self._rows = 0
        self.dropped = 0

    def put(self, place: Place, view: View) -> None:
        """Put in a view, in place of what it was before it grew."""
        with self._lock:
            self._rows += 1
            self._views[place] = view
            while len(self._views) > self._most:
                self._views.popitem(last=False)
                self.dropped += 1
        self._news.set()

    def complain(self, problem: str) -> None:
        """Put in what could not be read."""
        with self._lock:
            if len(self._problems) < MOST_PROBLEMS:
                self._problems.append(problem)
        self._news.set()

    def wake(self) -> None:
        """Let whoever waits look around."""
        self._news.set()

    def take(self, seconds: float) -> Batch | None:
        """Return everything that is there, as soon as there is something; None after `seconds` without."""
        self._clock.wait(self._news, seconds)
        with self._lock:
            self._news.clear()
            if not self._views and not self._problems:
                return None
            batch = Batch(self._source, tuple(self._views.values()), rows=self._rows, problems=tuple(self._problems))
            self._views.clear()
            self._problems, self._rows = [], 0
        return batch
