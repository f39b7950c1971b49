"""The alerts as a process: `python -m ops.alerts` and `hybrid alerts` are this."""

import threading
from collections.abc import Callable
from typing import Any, NoReturn

from ops.alerts.composition import build_service
from ops.alerts.config import AlertSettings
from ops.alerts.service import AlertService
from shared.clock import SystemClock
from shared.process import service_runner
from shared.process.service_runner import Built
from shared.redis.client import connect_redis


class AlertProcess:
    """The alerts as `shared.process.service_runner` runs them: built at the start, on the process's stop event."""

    name = "alerts"

    def __init__(self, settings: AlertSettings) -> None:
        """Raises BadConfig when there is nobody to tell."""
        settings.check_targets()
        self._settings = settings
        self._service: AlertService | None = None

    def run(self, stop: threading.Event) -> None:
        """Tell until `stop`."""
        self._service = build_service(self._settings, SystemClock(), stop)
        self._service.run(stop)

    def ready(self) -> bool:
        """Say whether it reads the streams."""
        return self._service is not None and self._service.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was told so far."""
        return self._service.snapshot() if self._service else {}


def main(read_settings: Callable[[], AlertSettings]) -> NoReturn:
    """Run it with these settings, and end the process with its exit code."""

    def build() -> Built:
        settings = read_settings()
        return AlertProcess(settings), settings, connect_redis(settings.redis_url)

    service_runner.main("alerts", build)
