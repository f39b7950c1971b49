"""Poll one source: fresh polls, and beside them what is still to be read of the past."""

import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from detector.domain.poll_schedule import PollPace
from detector.domain.source_port import Batch, Sink, Source, Stopping
from detector.monitoring.source_stats import SourceStats
from detector.polling.poll_rounds import PollOutcome, PollRound
from shared import logs
from shared.clock import Clock
from shared.domain.errors import GiveUp, HybridError

PAST_WORKERS = 2
"""Threads that read the past, so that waiting at the gate for them never keeps a fresh poll waiting."""
_NO_PACE = 0.001  # the past is read as fast as the gate's catch-up lane lets it


@runtime_checkable
class CatchesUp(Protocol):
    """A source that reads the past beside its fresh polls, in the gate's catch-up lane."""

    @property
    def late_scopes(self) -> tuple[str, ...]:
        """List whose past is still to be read: new leaders, and those with a gap."""
        ...

    def catch_up(self, scope: str, sink: Sink) -> None:
        """Read a piece of it, oldest first."""
        ...


class PollWorkers:
    """Poll `source` until `stop`; what fails is counted and named, the other scopes go on."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        stats: SourceStats,
        *,
        clock: Clock,
        stop: threading.Event,
        workers: int = 1,
        at_most_every_s: float = 0.0,
        budget: Callable[[], float] | None = None,
    ) -> None:
        self._source, self._sink, self._stats = source, sink, stats
        self._clock, self._stop = clock, stop
        self._newest_ms: dict[str, int] = {}
        self._log = logs.get_logger("detector", source=source.name)
        pace = PollPace(source.every_s, at_most_every_s)
        self._rounds = [
            PollRound(
                source.name,
                lambda: source.scopes,
                self._poll_fresh,
                self._forget_fresh,
                pace,
                clock=clock,
                stop=stop,
                workers=workers,
                budget=budget,
            )
        ]
        if isinstance(source, CatchesUp):
            self._rounds.append(self._past_round(source))

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads():
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the threads after `stop`; return False when one is still busy."""
        ends = self._clock.monotonic() + seconds
        for thread in self._threads():
            thread.join(max(0.0, ends - self._clock.monotonic()))
        return not any(thread.is_alive() for thread in self._threads())

    def _threads(self) -> list[threading.Thread]:
        return [thread for each in self._rounds for thread in each.threads]

    def _past_round(self, source: CatchesUp) -> PollRound:
        def read(scope: str) -> PollOutcome:
            return self._poll_once(_past(scope), lambda: source.catch_up(scope, self._sink))

        def forget(scope: str) -> None:
            self._stats.forget_scope(self._source.name, _past(scope))

        name, pace = f"{self._source.name}-late", PollPace(_NO_PACE)
        scopes = lambda: source.late_scopes  # noqa: E731 - read anew each time
        return PollRound(name, scopes, read, forget, pace, clock=self._clock, stop=self._stop, workers=PAST_WORKERS)

    def _poll_fresh(self, scope: str) -> PollOutcome:
        news = 0

        def counted(batch: Batch) -> None:
            nonlocal news
            self._sink(batch)
            news += self._count_news(scope, batch)

        polled = self._poll_once(scope, lambda: self._source.poll(scope, counted))
        return PollOutcome(polled.refused, news)

    def _forget_fresh(self, scope: str) -> None:
        self._newest_ms.pop(scope, None)
        self._stats.forget_scope(self._source.name, scope)

    def _count_news(self, scope: str, batch: Batch) -> int:
        """Count the trades later than any this scope showed before."""
        newest_ms = self._newest_ms.get(scope, 0)
        times = [fill.traded_at_ms for view in batch.views for fill in view.fills if fill.traded_at_ms > newest_ms]
        if times:
            self._newest_ms[scope] = max(times)
        return len(times)

    def _poll_once(self, scope: str, poll: Callable[[], None]) -> PollOutcome:
        """Poll once; `refused` when the same poll will fail again."""
        name = self._source.name
        try:
            poll()
        except Stopping:
            return PollOutcome()
        except HybridError as error:
            self._note_failure(scope, f"{type(error).__name__}: {error}")
            return PollOutcome(refused=isinstance(error, GiveUp))
        except Exception as error:  # noqa: BLE001 - one scope's bug must not end the thread (pitfall 29)
            self._log.exception("poll_crashed", scope=scope)
            self._note_failure(scope, f"crashed: {type(error).__name__}: {error}")
            return PollOutcome(refused=True)
        if self._stats.count_poll(name, scope, self._clock.now_ms()):
            self._log.info("poll_recovered", scope=scope)
        return PollOutcome()

    def _note_failure(self, scope: str, error: str) -> None:
        if not self._stop.is_set() and self._stats.count_failure(self._source.name, scope, error):
            self._log.warning("poll_failed", scope=scope, error=error)


def _past(scope: str) -> str:
    """Name the reading of a scope's past, which may fail while its fresh polls do not."""
    return f"{scope} (past)"
