"""A few threads that poll one source's scopes, whoever is due first."""

import threading

from detector.board import Board
from detector.schedule import Schedule
from detector.sources.port import Sink, Source, Stopping
from shared import logs
from shared.clock import Clock
from shared.errors import GiveUp, HybridError

_LONGEST_NAP_S = 1.0


class Pollers:
    """Poll `source` until `stop`; what fails is counted and named, the other scopes go on."""

    def __init__(
        self, source: Source, sink: Sink, board: Board, *, clock: Clock, stop: threading.Event, workers: int = 1
    ) -> None:
        self._source, self._sink, self._board = source, sink, board
        self._clock, self._stop = clock, stop
        self._lock = threading.Lock()
        self._schedule = Schedule(source.scopes, source.every_s, clock.monotonic())
        self._log = logs.get("detector", source=source.name)
        count = max(1, min(workers, len(source.scopes)))
        self._threads = [
            threading.Thread(target=self._work, name=f"{source.name}-{place}", daemon=True) for place in range(count)
        ]

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the threads after `stop`; return False when one is still busy."""
        ends = self._clock.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                now = self._clock.monotonic()
                scope, nap_s = self._schedule.take(now), self._schedule.wait_s(now)
            if scope is None:
                self._clock.wait(self._stop, min(max(nap_s, 0.001), _LONGEST_NAP_S))
                continue
            refused = self._poll(scope)
            with self._lock:
                self._schedule.done(scope, self._clock.monotonic(), refused=refused)

    def _poll(self, scope: str) -> bool:
        """Poll once; return True when the same poll will fail again."""
        name = self._source.name
        try:
            self._source.poll(scope, self._sink)
        except Stopping:
            return False
        except HybridError as error:
            self._failed(scope, f"{type(error).__name__}: {error}")
            return isinstance(error, GiveUp)
        except Exception as error:  # noqa: BLE001 - one scope's bug must not end the thread (trap 29)
            self._log.exception("poll_crashed", scope=scope)
            self._failed(scope, f"crashed: {type(error).__name__}: {error}")
            return True
        if self._board.polled(name, scope, self._clock.now_ms()):
            self._log.info("poll_recovered", scope=scope)
        return False

    def _failed(self, scope: str, error: str) -> None:
        if not self._stop.is_set() and self._board.failed(self._source.name, scope, error):
            self._log.warning("poll_failed", scope=scope, error=error)
