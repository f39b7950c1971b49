"""Retry until Redis is up again: for what is safe to do again (pitfall 31)."""

import threading
from collections.abc import Callable
from typing import TypeVar

from detector.sources.port import Stopping
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import steady_retry
from shared.domain.errors import Unavailable

BACKOFF = steady_retry(1.0)

Answer = TypeVar("Answer")


class RetryUntilUp:
    """Try again each second, until told to stop."""

    def __init__(self, clock: Clock, stop: threading.Event) -> None:
        self._clock, self._stop = clock, stop
        self._log = logs.get_logger("detector")

    def __call__(self, act: Callable[[], Answer]) -> Answer:
        """Do it until it answers.

        Raises:
            Stopping: told to stop before it did.
        """
        told = False
        for pause_s in BACKOFF.waits():
            try:
                return act()
            except Unavailable as error:
                if not told:
                    self._log.warning("redis_away", error=str(error))
                    told = True
                if self._clock.wait(self._stop, pause_s):
                    raise Stopping("told to stop while Redis was away") from error
        raise AssertionError  # the waits never end
