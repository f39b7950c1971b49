"""The detector: sources, matcher and reports on one stop event."""

import os
import socket
import sys
import threading
from math import ceil
from typing import Any, TextIO

from redis import Redis

from detector.composition import DetectorParts, SourceWiring
from detector.config import DetectorSettings
from detector.domain.matcher import Matcher
from detector.leaders.leader_assignment import LeaderAssignment
from detector.monitoring.source_stats import SourceStats
from detector.polling.poll_workers import PollWorkers
from detector.progress_reporter import ProgressCallback, ProgressReporter, SignalCallback
from detector.publishing.publish_loop import PublishLoop
from detector.publishing.signal_publisher import nameless_token
from detector.sources.port import Source
from shared import logs
from shared.clock import Clock, SystemClock
from shared.messages.base import fact_id
from shared.messages.service import GateStatus, HybridProgress, HybridSummary
from shared.rate_limit.gate import RateGate
from shared.redis.client import connect_redis

MOST_SHOWN = 500
"""Leaders named in a report; of more, the next ones in turn."""
JOIN_S = 6.0
"""Seconds the threads have to end; what they leave is safe for the next start. The summary then needs at most a
socket time-out of Redis more, so that all ends within 15 s even when every upstream hangs (S5)."""


class HybridDetector:
    """Watch leaders and publish `ACTIONABLE_SIGNAL` until told to stop (S2).

    Args:
        cfg: Whom to watch, and how.
        signal_callback: Gets each signal's payload as a dict, after it is durably published, and nothing else. What it
            raises is logged and changes nothing.
        stop_event: Ends the run when set, from anywhere; the sources and the market cache stop on it too.
        progress_callback: Gets each HYBRID_PROGRESS and the HYBRID_SUMMARY.
        clock: The time.
        redis: The connection; one to `cfg.redis_url` when left out.
        out: Where each event goes as one JSON line.
        parts: Sources and gates built elsewhere.
    """

    name = "detector"

    def __init__(
        self,
        cfg: DetectorSettings,
        *,
        signal_callback: SignalCallback | None = None,
        stop_event: threading.Event | None = None,
        progress_callback: ProgressCallback | None = None,
        clock: Clock | None = None,
        redis: Redis | None = None,
        out: TextIO | None = None,
        parts: DetectorParts | None = None,
    ) -> None:
        self.stop_event = stop = stop_event or threading.Event()
        self._cfg, self._clock = cfg, clock or SystemClock()
        redis = redis or connect_redis(cfg.redis_url)
        self.parts = parts or SourceWiring(cfg, redis, self._clock, stop).parts()
        self._board = SourceStats(
            (source.name for source in self.parts.sources), clock=self._clock, rules=cfg.health_rules
        )
        self._reporter = ProgressReporter(redis, out or sys.stdout, signal_callback, progress_callback)
        self._publisher = self._build_publisher(redis)
        self._pollers = [self._build_pollers(source) for source in self.parts.sources]
        self._instance = cfg.instance or f"detector@{socket.gethostname()}:{os.getpid()}"
        self._began = self._clock.monotonic()
        self._reports = 0
        self._gates: tuple[GateStatus, ...] = ()
        self._log = logs.get_logger("detector")

    def run(self) -> None:
        """Detect until the stop event is set (or `runtime_seconds` are over); blocks.

        Raises:
            BadConfig: Redis refuses our user.
            Exception: what ended the publisher.
        """
        self._began = self._clock.monotonic()
        if self.parts.markets:
            self.parts.markets.preload()
        self._publisher.start()
        if self.parts.roster is not None:
            self.parts.roster.start()
        for pollers in self._pollers:
            pollers.start()
        try:
            self._watch()
        finally:
            self.stop_event.set()
            self._end()
        if self._publisher.failure is not None:
            raise self._publisher.failure

    def ready(self) -> bool:
        """Say whether a source sees the venue."""
        return self._board.working()

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers of the last moment."""
        board = self._board
        return {
            "signals": board.signals,
            "sightings": board.sightings,
            "repeats": board.repeats,
            "confirmations": board.confirmations,
            "unconfirmed": board.unconfirmed,
            "dropped": board.dropped,
            "skipped": board.skipped(),
            "sources": {status.name: status.model_dump(mode="json") for status in board.statuses()},
        }

    def _build_publisher(self, redis: Redis) -> PublishLoop:
        parts = self.parts
        emit = self._reporter.signal
        return PublishLoop(
            redis,
            self._board,
            parts.cursors,
            emit,
            clock=self._clock,
            stop=self.stop_event,
            matcher=Matcher(self._cfg.rule),
            markets=parts.markets,
            within_ms=self._cfg.rule.within_ms,
            label=parts.roster.label if parts.roster else nameless_token,
        )

    def _build_pollers(self, source: Source) -> PollWorkers:
        sink, workers = self._publisher.sink, self._cfg.workers if source.name == "data_api" else 1
        adaptive = source.name == "data_api"
        return PollWorkers(
            source,
            sink,
            self._board,
            clock=self._clock,
            stop=self.stop_event,
            workers=workers,
            at_most_every_s=self._cfg.poll_at_most_every_s if adaptive else 0,
            budget=self._poll_budget if adaptive else None,
        )

    def _poll_budget(self) -> float:
        """Return this detector's part of the activity polls' budget, as the gate has it now."""
        gate = next((gate for gate in self.parts.gates if gate.name == "data_api"), None)
        members = self.parts.roster.members if self.parts.roster else 1
        return gate.snapshot().rate_now_per_s / members if gate else 0.0

    def _watch(self) -> None:
        next_report = self._began + self._cfg.progress_every_s
        ends = self._began + self._cfg.runtime_seconds if self._cfg.runtime_seconds else float("inf")
        while True:
            now = self._clock.monotonic()
            if now >= ends:
                return
            if now >= next_report:
                next_report = now + self._cfg.progress_every_s
                self._gates = tuple(_gate_status(gate) for gate in self.parts.gates)
                if self.parts.markets:
                    self.parts.markets.warm(self._reporter.live_tokens())
                self._reporter.progress(HybridProgress(**self._report("HYBRID_PROGRESS")))
            if self._clock.wait(self.stop_event, max(0.0, min(next_report, ends) - now)):
                return

    def _end(self) -> None:
        deadline = self._clock.monotonic() + JOIN_S
        for part in (*self._pollers, *self._keepers(), self._publisher):
            if not part.join(max(0.0, deadline - self._clock.monotonic())):
                self._log.warning("thread_busy_at_end", part=type(part).__name__)
        for upstream in self.parts.upstreams:
            upstream.close()
        self._board.stopped = True
        self._reporter.progress(HybridSummary(**self._report("HYBRID_SUMMARY"), reason="stopped"))
        board = self._board  # a reader of stdout may have left before us, as Ctrl-C tells both ends of a pipe
        self._log.info("summary", signals=board.signals, sightings=board.sightings, dropped=board.dropped)

    def _keepers(self) -> tuple[LeaderAssignment, ...]:
        return (self.parts.roster,) if self.parts.roster else ()

    def _report(self, kind: str) -> dict[str, Any]:
        self._reports += 1
        now_ms = self._clock.now_ms()
        board = self._board
        leaders = self.parts.leaders.addresses if self.parts.roster else self._cfg.leaders
        at = (self._reports - 1) % max(1, ceil(len(leaders) / MOST_SHOWN)) * MOST_SHOWN
        return {
            "id": fact_id(kind, self._instance, now_ms, self._reports),
            "emitted_at_ms": now_ms,
            "detector": self._instance,
            "runtime_ms": round((self._clock.monotonic() - self._began) * 1000),
            "leaders": leaders[at : at + MOST_SHOWN],
            "leader_count": len(leaders),
            "signals": board.signals,
            "sightings": board.sightings,
            "repeats": board.repeats,
            "confirmations": board.confirmations,
            "unconfirmed": board.unconfirmed,
            "dropped": board.dropped,
            "sources": board.statuses(),
            "gates": self._gates,
            "live_tokens": self._reporter.live_tokens(),
        }


def _gate_status(gate: RateGate) -> GateStatus:
    state = gate.snapshot()
    return GateStatus(
        name=state.name,
        target_per_s=state.target_per_s,
        factor=state.factor,
        hold_ms=round(state.hold_s * 1000),
        granted=state.granted,
    )
