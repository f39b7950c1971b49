"""A retry that lasts until Redis answers, for what is safe to do again (pitfall 31)."""

import threading
from collections.abc import Callable
from typing import TypeVar

from detector.domain.source_port import Stopping
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Unavailable

RETRY_S = 1.0

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
        warned = False
        while True:
            try:
                return act()
            except Unavailable as error:
                if not warned:
                    self._log.warning("redis_away", error=str(error))
                    warned = True
                if self._clock.wait(self._stop, RETRY_S):
                    raise Stopping("told to stop while Redis was away") from error
