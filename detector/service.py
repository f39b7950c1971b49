"""The detector: sources, matcher and reports on one stop event."""

import sys
import threading
from math import ceil
from typing import Any, TextIO

from redis import Redis

from detector.composition import DetectorParts, build_parts, build_running
from detector.config import DetectorSettings
from detector.leaders.leader_assignment import LeaderAssignment
from detector.progress_reporter import ProgressCallback, SignalCallback
from shared import logs
from shared.clock import Clock, SystemClock
from shared.messages.base import fact_id
from shared.messages.service import GateStatus, HybridProgress, HybridSummary
from shared.messages.value_codec import plain_value
from shared.rate_limit.gate import RateGate
from shared.redis.client import connect_redis
from shared.redis.server_memory import ServerMemory

MOST_SHOWN = 500
"""Leaders named in a report; of more, the next report names the next ones."""
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
        memory = ServerMemory()
        redis = redis or connect_redis(cfg.redis_url, greet=memory.greet, durability=cfg.durability)
        self.parts = parts or build_parts(cfg, redis, clock=self._clock, stop=stop, memory=memory)
        self._running = build_running(
            cfg,
            redis,
            self.parts,
            clock=self._clock,
            stop=stop,
            out=out or sys.stdout,
            signal_callback=signal_callback,
            progress_callback=progress_callback,
        )
        self._stats, self._reporter = self._running.stats, self._running.reporter
        self._publisher, self._pollers = self._running.publisher, self._running.pollers
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
        if not self._cfg.has_witnesses:
            fix = "add rtds or data_api to SOURCES, or set SECOND_RPC_URL; else buyers need MIN_NODES=1"
            self._log.warning("nobody_vouches", why="one node alone is read: no buy follows what it shows", fix=fix)
        if self.parts.markets:
            self.parts.markets.preload()
        # The publisher first and the pollers last: whoever hands something in finds who takes it.
        self._publisher.start()
        if self.parts.assignment is not None:
            self.parts.assignment.start()
        for pollers in self._pollers:
            pollers.start()
        try:
            self._report_until_stop()
        finally:
            self.stop_event.set()
            self._join_threads()
        if self._publisher.failure is not None:
            raise self._publisher.failure

    def ready(self) -> bool:
        """Say whether a source sees the venue."""
        return self._stats.any_working()

    def snapshot(self) -> dict[str, Any]:
        """Return the numbers of the last moment."""
        stats = self._stats
        return {
            "signals": stats.signals,
            "sightings": stats.sightings,
            "repeats": stats.repeats,
            "confirmations": stats.confirmations,
            "unconfirmed": stats.unconfirmed,
            "dropped": stats.dropped,
            "skipped": stats.skipped_rows(),
            "sources": {status.name: plain_value(status) for status in stats.statuses()},
        }

    def _report_until_stop(self) -> None:
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
                self._reporter.progress(HybridProgress(**self._report_fields("HYBRID_PROGRESS")))
            if self._clock.wait(self.stop_event, max(0.0, min(next_report, ends) - now)):
                return

    def _join_threads(self) -> None:
        deadline = self._clock.monotonic() + JOIN_S
        # Pollers first: what they still hand in finds its publisher.
        for part in (*self._pollers, *self._assignments(), self._publisher):
            if not part.join(max(0.0, deadline - self._clock.monotonic())):
                self._log.warning("thread_busy_at_end", part=type(part).__name__)
        for upstream in self.parts.upstreams:
            upstream.close()
        self._stats.stopped = True
        self._reporter.progress(HybridSummary(**self._report_fields("HYBRID_SUMMARY"), reason="stopped"))
        stats = self._stats  # a reader of stdout may have left before us, as Ctrl-C tells both ends of a pipe
        self._log.info("summary", signals=stats.signals, sightings=stats.sightings, dropped=stats.dropped)

    def _assignments(self) -> tuple[LeaderAssignment, ...]:
        return (self.parts.assignment,) if self.parts.assignment else ()

    def _report_fields(self, kind: str) -> dict[str, Any]:
        self._reports += 1
        now_ms = self._clock.now_ms()
        stats = self._stats
        leaders = self.parts.leaders.addresses if self.parts.assignment else self._cfg.leaders
        at = (self._reports - 1) % max(1, ceil(len(leaders) / MOST_SHOWN)) * MOST_SHOWN
        return {
            "id": fact_id(kind, self._running.instance, now_ms, self._reports),
            "emitted_at_ms": now_ms,
            "detector": self._running.instance,
            "runtime_ms": round((self._clock.monotonic() - self._began) * 1000),
            "leaders": leaders[at : at + MOST_SHOWN],
            "leader_count": len(leaders),
            "signals": stats.signals,
            "sightings": stats.sightings,
            "repeats": stats.repeats,
            "confirmations": stats.confirmations,
            "unconfirmed": stats.unconfirmed,
            "dropped": stats.dropped,
            "sources": stats.statuses(),
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
