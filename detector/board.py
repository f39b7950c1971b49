"""How the sources are doing, by our own count; written by pollers and publisher, read by reports."""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from detector.sources.port import Batch
from shared.events import SourceStatus

_LAGS = 512
BLIND_AFTER = 20
"""Signals that other sources saw first before a source without a single row counts as blind (trap 9)."""
_SHOWN_CHARS = 300
_MOST_MET = 512
_MOST_REASONS = 64
State = Literal["starting", "ok", "failing", "stopped"]


@dataclass
class _Source:
    polls: int = 0
    rows: int = 0
    problems: int = 0
    errors: int = 0
    last_error: str = ""
    last_ok_at_ms: int | None = None
    seen_first: int = 0
    seen_later: int = 0
    failing: dict[str, str] = field(default_factory=dict[str, str])
    lags_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_LAGS))
    skipped: Counter[str] = field(default_factory=Counter[str])
    met: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])

    def is_news(self, problem: str) -> bool:
        """Say whether a problem was not met lately."""
        if problem in self.met:
            return False
        self.met[problem] = None
        if len(self.met) > _MOST_MET:
            self.met.popitem(last=False)
        return True


class Board:
    """Counters of each source and of the whole. Safe to use from any thread."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._sources = {name: _Source() for name in names}
        self.signals = 0
        self.sightings = 0
        self.repeats = 0
        self.stopped = False

    def polled(self, name: str, scope: str, now_ms: int) -> bool:
        """Count a poll that succeeded; return True when its scope had failed before."""
        with self._lock:
            source = self._sources[name]
            source.polls += 1
            source.last_ok_at_ms = now_ms
            return source.failing.pop(scope, None) is not None

    def failed(self, name: str, scope: str, error: str) -> bool:
        """Count a poll that failed; return True when its scope was well before."""
        with self._lock:
            source = self._sources[name]
            source.polls += 1
            source.errors += 1
            source.last_error = error[:_SHOWN_CHARS]
            was_well = scope not in source.failing
            source.failing[scope] = source.last_error
            return was_well

    def received(self, batch: Batch) -> list[str]:
        """Count what a batch brought; return problems and unknown types not met before.

        A row is read again at each poll while it lies in the overlap: it is one problem, not one for each poll.
        """
        with self._lock:
            source = self._sources[batch.source]
            source.rows += batch.rows
            unknown = [reason for reason in batch.skipped if reason.startswith("unknown")]
            fresh = [problem for problem in batch.problems if source.is_news(problem)]
            source.problems += len(fresh)
            for reason, count in batch.skipped.items():
                if reason in source.skipped or len(source.skipped) < _MOST_REASONS:
                    source.skipped[reason] += count
            if fresh:
                source.last_error = f"unreadable row: {fresh[0]}"[:_SHOWN_CHARS]
            return fresh + [reason for reason in unknown if source.is_news(reason)]

    def skipped(self) -> dict[str, dict[str, int]]:
        """Return what each source showed that was no trade, by its type; re-reads count again."""
        with self._lock:
            return {name: dict(source.skipped) for name, source in self._sources.items()}

    def matched(self, name: str, fresh: int, later_lags_ms: Iterable[int]) -> None:
        """Count fills that a source had not shown before, and its lags where another was first."""
        lags = list(later_lags_ms)
        with self._lock:
            self.sightings += fresh
            self._sources[name].seen_later += len(lags)
            self._sources[name].lags_ms.extend(lags)

    def signalled(self, name: str, lag_ms: int) -> None:
        """Count a signal that a source brought about."""
        with self._lock:
            self.signals += 1
            self._sources[name].seen_first += 1
            self._sources[name].lags_ms.append(lag_ms)

    def repeated(self) -> None:
        """Count a signal that was out already."""
        with self._lock:
            self.repeats += 1

    def blind(self) -> list[str]:
        """Return sources that answer, healthy, and never have rows while others do (trap 9)."""
        with self._lock:
            return [name for name in self._sources if self._is_blind(name)]

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return the state of each source."""
        with self._lock:
            return tuple(self._status(name, source) for name, source in self._sources.items())

    def working(self) -> bool:
        """Say whether any source is well."""
        return any(status.state == "ok" for status in self.statuses())

    def _is_blind(self, name: str) -> bool:
        source = self._sources[name]
        others = sum(other.seen_first for key, other in self._sources.items() if key != name)
        return source.last_ok_at_ms is not None and source.rows == 0 and others >= BLIND_AFTER

    def _status(self, name: str, source: _Source) -> SourceStatus:
        blind = self._is_blind(name)
        error = "answers, but showed none of the fills that other sources saw" if blind else source.last_error
        lags = sorted(source.lags_ms)
        return SourceStatus(
            name=name,
            state=self._state(source, blind=blind),
            polls=source.polls,
            rows=source.rows,
            errors=source.errors + source.problems,
            last_error=next(iter(source.failing.values()), error),
            last_ok_at_ms=source.last_ok_at_ms,
            seen_first=source.seen_first,
            seen_later=source.seen_later,
            lag_p50_ms=lags[len(lags) // 2] if lags else None,
            lag_p95_ms=lags[min(len(lags) - 1, len(lags) * 95 // 100)] if lags else None,
        )

    def _state(self, source: _Source, *, blind: bool) -> State:
        if self.stopped:
            return "stopped"
        if source.failing or blind:
            return "failing"
        return "starting" if source.last_ok_at_ms is None else "ok"
