"""A service for test_process.py to start, stop and kill: `python tiny_service.py wait|hang|hang-long|parent`."""

import subprocess
import sys
import threading
from typing import Any

from shared import logs
from shared.config import Settings, parse
from shared.process import service_life, service_runner


class Tiny:
    """Wait, or hang."""

    name = "tiny"

    def __init__(self, work: str) -> None:
        self._work = work

    def run(self, stop: threading.Event) -> None:
        """Wait for the stop; with `hang`, leave a thread behind that never ends."""
        if self._work.startswith("hang"):
            threading.Thread(target=threading.Event().wait, name="stuck-poller").start()
        stop.wait()
        if self._work == "hang-long":
            threading.Event().wait(service_life.HURRY_AFTER_S)
            logs.get_logger("tiny").info("draining")

    def ready(self) -> bool:
        """Be ready."""
        return True

    def snapshot(self) -> dict[str, Any]:
        """Have nothing to say."""
        return {}


if __name__ == "__main__":
    if sys.argv[1] == "parent":
        sys.exit(subprocess.call([sys.executable, __file__, "wait"]))
    if sys.argv[1] == "hang":
        service_runner.DRAIN_S = 0.5
    service_runner.main("tiny", lambda: (Tiny(sys.argv[1]), parse(Settings, []), None))
