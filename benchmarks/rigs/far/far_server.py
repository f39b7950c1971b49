"""The server far away: its URL through a delay, and the round trips that were made to it."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.process.shutdown_signals import DIE_WITH_PARENT


@dataclass
class FarServer:
    """A server behind a delay."""

    url: str
    process: "subprocess.Popen[str]"

    def made(self) -> tuple[int, int]:
        """Return the round trips and the bytes sent to it so far."""
        given, told = self.process.stdin, self.process.stdout
        assert given is not None and told is not None  # noqa: S101, PT018 - both were asked for
        given.write("\n")
        given.flush()
        trips, sent = told.readline().split()
        return int(trips), int(sent)


@contextlib.contextmanager
def far_server(server: EmbeddedRedis, each_way_ms: float) -> Generator[FarServer]:
    """Put a server `each_way_ms` away while the block runs."""
    words = [sys.executable, "-m", "benchmarks.rigs.far.delay_proxy", str(server.port), str(each_way_ms)]
    told = {**os.environ, DIE_WITH_PARENT: str(os.getpid())}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=told) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield FarServer(server.url.replace(f":{server.port}/", f":{port}/"), process)
        finally:
            process.kill()
