"""The dead-man ping: while all is well an address is asked every minute; whoever watches it notices our silence."""

import threading

from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, Unavailable
from shared.http.client import Upstream

_OK = range(200, 300)


class DeadManPing:
    """Asks `upstream` every `every_s` for as long as `note` says that all is well."""

    def __init__(self, upstream: Upstream, clock: Clock, every_s: float) -> None:
        self._upstream, self._clock, self._every_s = upstream, clock, every_s
        self._well_at: float | None = None
        self._log = logs.get_logger("alerts", channel="heartbeat")
        self.pings = self.failures = 0

    def note(self, *, well: bool) -> None:
        """Take in whether the server answers and no program is lost."""
        self._well_at = self._clock.monotonic() if well else None

    def run(self, stop: threading.Event) -> None:
        """Ping until `stop`."""
        while not stop.is_set():
            if self._is_well():
                self.ping()
            self._clock.wait(stop, self._every_s if self._is_well() else 1.0)

    def ping(self) -> None:
        """Ask once; a failure is logged and tried again in time."""
        try:
            answer = self._upstream.send(self._upstream.request("GET", ""))
            if answer.status not in _OK:
                raise Unavailable(f"answered {answer.status}")
        except HybridError as error:
            self.failures += 1
            self._log.warning("heartbeat_not_delivered", error=str(error), failures=self.failures)
        else:
            self.pings += 1

    def _is_well(self) -> bool:
        """Say whether we know that all is well: what is older than a ping is no knowledge."""
        return self._well_at is not None and self._clock.monotonic() - self._well_at <= self._every_s
