"""`python -m redeemer.worker`: run the jobs that redeemers enqueue. Start as many as you like, anywhere."""

from shared.process.early_signals import early_signals

with early_signals("redeemer-worker"):
    import threading
    from typing import Any

    from redeemer.composition import PAPER, build_worker, redeemer_mode
    from redeemer.config import RedeemerSettings, parse_args
    from redeemer.jobs.rq_worker import RedeemWorker
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


class WorkerProcess:
    """The worker as `shared.process.service_runner` runs it."""

    name = "redeemer-worker"

    def __init__(self, settings: RedeemerSettings) -> None:
        self.mode = redeemer_mode(settings)
        self._settings = settings
        self._worker: RedeemWorker | None = None

    def run(self, stop: threading.Event) -> None:
        """Run jobs until `stop`."""
        self._worker = build_worker(self._settings, stop=stop)
        self._worker.run(stop)

    def ready(self) -> bool:
        """Say whether it waits for jobs on a server that answers."""
        return self._worker is not None and self._worker.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return how many jobs ran, and how."""
        return self._worker.snapshot() if self._worker else {}


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    if redeemer_mode(settings) == PAPER:
        settings = settings.without_keys()
    return WorkerProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("redeemer-worker", build)
