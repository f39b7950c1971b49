"""`python -m detector`: watch leaders, print and publish what they do."""

from shared.process.early_signals import early_signals

with early_signals("detector"):
    import threading
    from typing import Any

    from detector.config import DetectorSettings, parse_args
    from detector.service import HybridDetector
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


class DetectorProcess:
    """The detector as `shared.process.service_runner` runs it: built at the start, on the process's own stop event."""

    name = "detector"

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings
        self._detector: HybridDetector | None = None

    def run(self, stop: threading.Event) -> None:
        """Detect until `stop`."""
        self._detector = HybridDetector(self._settings, stop_event=stop)
        self._detector.run()

    def ready(self) -> bool:
        """Say whether a source sees the venue."""
        return self._detector is not None and self._detector.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was detected so far."""
        return self._detector.snapshot() if self._detector else {}


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    return DetectorProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("detector", build)
