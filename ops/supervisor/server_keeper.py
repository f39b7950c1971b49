"""The embedded server kept running: one that ends by itself starts again on the same port and data."""

import contextlib
import threading
from collections.abc import Callable, Generator

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared import logs
from shared.clock import Clock

LOOK_EVERY_S = 0.1


def restart_if_ended(server: EmbeddedRedis, stopping: Callable[[], bool]) -> None:
    """Start a server again that ended by itself, and say so.

    Raises:
        DependencyMissing: it does not come up any more; the message holds the end of its log.
    """
    if not server.running:
        logs.get_logger("server").error("server_ended", folder=str(server.folder))
        server.restart(stopping)


@contextlib.contextmanager
def kept_running(server: EmbeddedRedis, clock: Clock) -> Generator[None]:
    """Look after the server while the block runs; a thread that fails ends the process.

    It stops on an event of its own: looking at the process's would count as a sign that some part is alive.
    """
    over = threading.Event()

    def look_after() -> None:
        while not clock.wait(over, LOOK_EVERY_S):
            restart_if_ended(server, over.is_set)

    thread = threading.Thread(target=look_after, name="server")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
