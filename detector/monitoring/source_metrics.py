"""The sources' numbers as Prometheus metrics."""

from collections.abc import Iterable
from typing import get_args

from shared import metrics
from shared.messages.service import SourceState


class SourceMetrics:
    """One set of metrics for each source; children are looked up once, because sights come by the thousand."""

    def __init__(self, names: Iterable[str]) -> None:
        names = tuple(names)
        lag = metrics.make_histogram(
            "source_lag_seconds", "From the trade's block to a source's sight of it.", "source"
        )
        coverage = metrics.make_gauge(
            "source_coverage", "Share of others' fills that a source showed in time.", "source"
        )
        missed = metrics.make_gauge(
            "source_missed_fills", "Others' fills that a source did not show in time.", "source"
        )
        self._state = metrics.make_gauge("source_state", "1 for the state a source is in.", "source", "state")
        self._lags = {name: lag.labels(name) for name in names}
        self._coverage = {name: coverage.labels(name) for name in names}
        self._missed = {name: missed.labels(name) for name in names}

    def observe_lag(self, name: str, lag_ms: int) -> None:
        """Take in one sight."""
        self._lags[name].observe(max(0, lag_ms) / 1000)

    def show_source(self, name: str, state: SourceState, coverage: float | None, missed: int) -> None:
        """Show a source as it is now."""
        for known in get_args(SourceState):
            self._state.labels(name, known).set(known == state)
        if coverage is not None:
            self._coverage[name].set(coverage)
        self._missed[name].set(missed)
