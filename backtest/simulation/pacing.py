"""The pace at which a history passes by: as it happened, N times as fast, or as fast as possible."""

import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

from backtest.domain.market_events import MarketEvent
from shared.clock import Clock

T = TypeVar("T")


class ReplayPace:
    """Waits until each moment of the history would have come; `speed` 0 never waits."""

    def __init__(self, clock: Clock, speed: float, stop: threading.Event | None = None) -> None:
        self._clock, self._speed = clock, speed
        self._stop = stop or threading.Event()
        self._began: tuple[float, int] | None = None

    def pace_events(self, market_events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """Yield each market event when its time has come."""
        for market_event in market_events:
            self.wait_for(market_event.at_ms)
            yield market_event

    def wait_for(self, at_ms: int) -> None:
        """Wait until the history has reached `at_ms`."""
        if not self._speed:
            return
        if self._began is None:
            self._began = (self._clock.monotonic(), at_ms)
        began_s, first_ms = self._began
        due_s = began_s + (at_ms - first_ms) / 1000 / self._speed
        self._clock.wait(self._stop, max(0.0, due_s - self._clock.monotonic()))
