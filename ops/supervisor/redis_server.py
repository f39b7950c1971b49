"""`hybrid redis`: the embedded server in the foreground."""

import contextlib
import queue
from pathlib import Path

from ops.supervisor.embedded_redis import EmbeddedRedis
from ops.supervisor.server_folder import embedded_server
from shared.clock import Clock, SystemClock
from shared.domain import exit_codes
from shared.domain.errors import DependencyMissing
from shared.process import outlet
from shared.process.shutdown_signals import Inbox, ToldToStop, die_with_parent, listen_signals
from shared.process.stderr_lines import say_stopped

_LOOK_EVERY_S = 0.5


def main(data_dir: Path, port: int, clock: Clock | None = None) -> int:
    """Serve until told to stop; the URL is the one line on stdout.

    Raises:
        DependencyMissing: the server did not start, or ended by itself.
    """
    inbox = Inbox()
    with listen_signals(inbox):
        die_with_parent()
        try:
            with embedded_server(data_dir, clock or SystemClock(), port or None) as server:
                outlet.print_line(server.url)
                _watch(server, inbox)
        except ToldToStop as told:
            return say_stopped("redis", told)
    return exit_codes.CLEAN


def _watch(server: EmbeddedRedis, inbox: Inbox) -> None:
    while server.running:
        with contextlib.suppress(queue.Empty):
            inbox.get(timeout=_LOOK_EVERY_S)
            return
    raise DependencyMissing(f"the server ended by itself: see {server.folder / 'valkey.log'}")
