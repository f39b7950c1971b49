"""A service under a real one's name that only beats: `python -m tests.shared.process.beating_service NAME`."""

import sys
import threading
from typing import Any

from shared.config import Settings, parse
from shared.process import service_runner
from shared.process.service_runner import Built
from shared.redis.client import connect_redis


class Beating:
    """Wait, and be ready."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, stop: threading.Event) -> None:
        """Wait for the stop."""
        stop.wait()

    def ready(self) -> bool:
        """Be ready."""
        return True

    def snapshot(self) -> dict[str, Any]:
        """Have nothing to say."""
        return {}


def build() -> Built:
    """Build it from the environment."""
    settings = parse(Settings, [])
    return Beating(sys.argv[1]), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    service_runner.main(sys.argv[1], build)
