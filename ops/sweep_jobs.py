"""The path that a sweep's jobs name: what an older release enqueued runs here, and what we enqueue runs there."""

from ops.research.sweep_jobs import run

__all__ = ["run"]
