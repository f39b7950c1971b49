"""Prometheus metrics of this process: asked for by name, made once, all named `hybrid_...`.

`metrics.counter("signals_total", "Signals published.", "source").labels("data_api").inc()`
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Buckets for anything between a Redis round trip and a slow source."""

REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)

Metric = TypeVar("Metric", Counter, Gauge, Histogram)
_MADE: dict[str, Counter | Gauge | Histogram] = {}
_MAKING = threading.Lock()


def make_counter(name: str, sentence: str, *labels: str) -> Counter:
    """Return the counter `hybrid_<name>`; what only grows."""
    return _made(Counter, name, lambda: Counter(name, sentence, labels, namespace="hybrid", registry=REGISTRY))


def make_gauge(name: str, sentence: str, *labels: str) -> Gauge:
    """Return the gauge `hybrid_<name>`; what goes up and down."""
    return _made(Gauge, name, lambda: Gauge(name, sentence, labels, namespace="hybrid", registry=REGISTRY))


def make_histogram(name: str, sentence: str, *labels: str) -> Histogram:
    """Return the histogram `hybrid_<name>`; seconds, in `SECONDS` buckets."""

    def make() -> Histogram:
        return Histogram(name, sentence, labels, namespace="hybrid", registry=REGISTRY, buckets=SECONDS)

    return _made(Histogram, name, make)


def render_metrics() -> bytes:
    """Return all metrics in Prometheus' text form."""
    return generate_latest(REGISTRY)


def _made(kind: type[Metric], name: str, make: Callable[[], Metric]) -> Metric:
    with _MAKING:
        metric = _MADE.get(name)
        if metric is None:
            metric = _MADE[name] = make()
    if not isinstance(metric, kind):
        raise TypeError(f"hybrid_{name} is a {type(metric).__name__} already, not a {kind.__name__}")
    return metric
