"""What one upstream did for us since the start: counts, errors by kind, how long answers took."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

LATENCY_BOUNDS_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency buckets; a last bucket holds the rest."""


@dataclass(frozen=True)
class StatsSnapshot:
    """The counters at one moment."""

    name: str
    requests: int
    errors: Mapping[str, int]
    """Failures by the name of the error raised."""
    body_bytes: int
    latency_counts: tuple[int, ...]
    """Answers per bucket of `LATENCY_BOUNDS_S`, then those slower than all; not cumulative."""
    latency_sum_s: float
    last_ok_ms: int | None
    last_error: str
    last_error_ms: int | None


class UpstreamStats:
    """Counters of one upstream; safe to use from any thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._requests = 0
        self._errors: Counter[str] = Counter()
        self._body_bytes = 0
        self._buckets = [0] * (len(LATENCY_BOUNDS_S) + 1)
        self._latency_sum_s = 0.0
        self._last_ok_ms: int | None = None
        self._last_error = ""
        self._last_error_ms: int | None = None

    def sent(self) -> None:
        """Count a request."""
        with self._lock:
            self._requests += 1

    def answered(self, latency_s: float) -> None:
        """Count an answer of any status, and the seconds until it began."""
        with self._lock:
            self._buckets[bisect_left(LATENCY_BOUNDS_S, latency_s)] += 1
            self._latency_sum_s += latency_s

    def succeeded(self, body_bytes: int, at_ms: int) -> None:
        """Count an answer that could be used."""
        with self._lock:
            self._body_bytes += body_bytes
            self._last_ok_ms = at_ms

    def failed(self, error: Exception, at_ms: int) -> None:
        """Count a failure under the name of its error."""
        with self._lock:
            self._errors[type(error).__name__] += 1
            self._last_error = str(error)
            self._last_error_ms = at_ms

    def snapshot(self) -> StatsSnapshot:
        """Return the counters as they stand."""
        with self._lock:
            return StatsSnapshot(
                self.name,
                self._requests,
                dict(self._errors),
                self._body_bytes,
                tuple(self._buckets),
                self._latency_sum_s,
                self._last_ok_ms,
                self._last_error,
                self._last_error_ms,
            )
