"""Statistics of the sources, by our own count; written by pollers and publisher, read by reports."""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from detector.domain.match_state import key_digest
from detector.domain.signal_draft import SourceSight
from detector.domain.source_health import DEMOTED, HealthRules, SourceHealth
from detector.domain.source_port import Batch
from detector.monitoring.source_metrics import SourceMetrics
from shared.clock import Clock, SystemClock
from shared.messages.service import SourceState, SourceStatus

FAILS_AFTER = 2
"""Failed polls in a row before a source that was well counts as failing: one leader's trouble is not the source's."""
_SHOWN_CHARS = 300
_MOST_RECENT = 512  # problems remembered, so that a re-read row is one problem
_MOST_REASONS = 64  # a venue that invents types must not grow our memory
_WHY: dict[str, str] = {
    "blind": "answers, but showed none of the fills that other sources saw",
    "mute": "shows none of the fills that other sources see any more",
    "late": "shows what other sources see, but too late",
    "demoted": "shows too few of the fills that other sources see",
}


class StateChange(NamedTuple):
    """A source's state changed."""

    source: str
    was: SourceState
    now: SourceState
    why: str


@dataclass
class _SourceCounts:
    polls: int = 0
    rows: int = 0
    kept_ms: int = 0
    problems: int = 0
    errors: int = 0
    failed_in_a_row: int = 0
    last_error: str = ""
    last_ok_at_ms: int | None = None
    seen_first: int = 0
    seen_later: int = 0
    reported: SourceState = "starting"
    failing: dict[str, str] = field(default_factory=dict[str, str])
    skipped: Counter[str] = field(default_factory=Counter[str])
    recent_problems: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])

    def is_news(self, problem: str) -> bool:
        """Say whether a problem is new."""
        if problem in self.recent_problems:
            return False
        self.recent_problems[problem] = None
        if len(self.recent_problems) > _MOST_RECENT:
            self.recent_problems.popitem(last=False)
        return True


class SourceStats:
    """Counters of each source and of the whole, and each source's state. Safe to use from any thread."""

    def __init__(self, names: Iterable[str], *, clock: Clock | None = None, rules: HealthRules | None = None) -> None:
        self._lock = threading.Lock()
        self._clock = clock or SystemClock()
        self._sources = {name: _SourceCounts() for name in names}
        self._health = SourceHealth(self._sources, rules)
        self._metrics = SourceMetrics(self._sources)
        self.demoted: frozenset[str] = frozenset()
        self.signals = self.sightings = self.repeats = 0
        self.confirmations = self.unconfirmed = self.dropped = 0
        self.stopped = False

    def count_poll(self, name: str, scope: str, now_ms: int) -> bool:
        """Count a poll that succeeded; return True when its scope had failed before."""
        with self._lock:
            source = self._sources[name]
            source.polls += 1
            source.failed_in_a_row = 0
            source.last_ok_at_ms = now_ms
            return source.failing.pop(scope, None) is not None

    def count_failure(self, name: str, scope: str, error: str) -> bool:
        """Count a poll that failed; return True when its scope was well before."""
        with self._lock:
            source = self._sources[name]
            source.polls += 1
            source.errors += 1
            source.failed_in_a_row += 1
            source.last_error = error[:_SHOWN_CHARS]
            was_well = scope not in source.failing
            source.failing[scope] = source.last_error
            return was_well

    def forget_scope(self, name: str, scope: str) -> None:
        """Drop the failure of a scope that is polled no more."""
        with self._lock:
            self._sources[name].failing.pop(scope, None)

    def count_batch(self, batch: Batch) -> list[str]:
        """Count what a batch brought; return problems and unknown types not met before.

        A row is read again at each poll while it lies in the overlap: it is one problem, not one for each poll.
        """
        with self._lock:
            source = self._sources[batch.source]
            source.rows += batch.rows
            source.kept_ms = batch.kept_ms
            unknown = [reason for reason in batch.skipped if reason.startswith("unknown")]
            fresh = [problem for problem in batch.problems if source.is_news(problem)]
            source.problems += len(fresh)
            for reason, count in batch.skipped.items():
                if reason in source.skipped or len(source.skipped) < _MOST_REASONS:
                    source.skipped[reason] += count
            if fresh:
                source.last_error = f"unreadable row: {fresh[0]}"[:_SHOWN_CHARS]
            return fresh + [reason for reason in unknown if source.is_news(reason)]

    def skipped_rows(self) -> dict[str, dict[str, int]]:
        """Return what each source showed that was no trade, by its type; re-reads count again."""
        with self._lock:
            return {name: dict(source.skipped) for name, source in self._sources.items()}

    def count_sights(self, name: str, fresh: int, sights: Iterable[SourceSight], seen_at_ms: int) -> None:
        """Count fills that a source had not shown before, and compare when each source showed them."""
        with self._lock:
            self.sightings += fresh
            for sight in sights:
                self._sources[name].seen_later += sight.later
                self._health.add_sight(name, key_digest(sight.key), seen_at_ms, sight.lag_ms)
                self._metrics.observe_lag(name, sight.lag_ms)

    def count_signal(self, name: str, *, unconfirmed: bool = False) -> None:
        """Count a signal; `name` is the source that saw it first."""
        with self._lock:
            self.signals += 1
            self.unconfirmed += unconfirmed
            if name in self._sources:  # what waits here may have been seen first by another detector's source
                self._sources[name].seen_first += 1

    def count_merge(self) -> None:
        """Count a signal of a merge: only one source can show those, so no source is compared by them."""
        with self._lock:
            self.signals += 1

    def count_repeat(self) -> None:
        """Count a signal that was out already."""
        with self._lock:
            self.repeats += 1

    def count_confirmations(self, count: int) -> None:
        """Count confirmations that were recorded for the first time."""
        with self._lock:
            self.confirmations += count

    def count_drop(self) -> None:
        """Count what nobody confirmed in time and was dropped."""
        with self._lock:
            self.dropped += 1

    def judge_sources(self) -> list[StateChange]:
        """Judge all sources now; return whose state changed since the last check."""
        with self._lock:
            self._health.judge(self._clock.now_ms())
            self.demoted = self._health.demoted
            changes: list[StateChange] = []
            for name, source in self._sources.items():
                state = self._state(name, source)
                if state != source.reported:
                    changes.append(StateChange(name, source.reported, state, self._why(name, source)))
                source.reported = state
                self._metrics.show_source(name, state, self._health.coverage(name), self._health.missed_fills(name))
            return changes

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the state of each source."""
        with self._lock:
            return tuple(self._status(name, source) for name, source in self._sources.items())

    def any_working(self) -> bool:
        """Say whether any source is well."""
        return any(status.state == "ok" for status in self.statuses())

    def _status(self, name: str, source: _SourceCounts) -> SourceStatus:
        lags, coverage = self._health.lag_stats(name), self._health.coverage(name)
        last_ok = source.last_ok_at_ms
        return SourceStatus(
            name=name,
            state=self._state(name, source),
            polls=source.polls,
            rows=source.rows,
            errors=source.errors + source.problems,
            last_error=self._why(name, source),
            last_ok_at_ms=last_ok,
            seen_first=source.seen_first,
            seen_later=source.seen_later,
            lag_p50_ms=lags.p50,
            lag_p95_ms=lags.p95,
            lag_p99_ms=lags.p99,
            coverage=None if coverage is None else round(coverage, 4),
            missed=self._health.missed_fills(name),
            stale_ms=None if last_ok is None else max(0, self._clock.now_ms() - last_ok) + source.kept_ms,
        )

    def _why(self, name: str, source: _SourceCounts) -> str:
        failing = next(iter(source.failing.values()), "")
        cached = f"answers from a cache, {source.kept_ms // 1000} s old" if source.kept_ms else ""
        return failing or _WHY.get(self._health.verdict(name), cached or source.last_error)

    def _state(self, name: str, source: _SourceCounts) -> SourceState:
        if self.stopped:
            return "stopped"
        if source.failing and (source.last_ok_at_ms is None or source.failed_in_a_row >= FAILS_AFTER):
            return "failing"
        verdict = self._health.verdict(name)
        if verdict in DEMOTED:
            return verdict
        return "starting" if source.last_ok_at_ms is None else "ok"
