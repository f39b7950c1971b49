"""Servers on loopback, each a process of its own, that sentinels or a cluster are made of."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError

from ops.supervisor.embedded_redis import free_port
from shared.clock import Clock, SystemClock
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.connection.moving_primary import PrimaryWatch

_STARTS_S = 30.0
_CLOCK: Clock = SystemClock()
_NEVER = threading.Event()


@dataclass
class Node:
    """One server process; its folder stays, so it can be started again."""

    folder: Path
    port: int
    words: tuple[str, ...]
    bus: int = 0
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it goes with us."""
        log = (self.folder / "log").open("ab")
        told = {**os.environ, DIE_WITH_PARENT: str(os.getpid())}
        with log:
            self.process = subprocess.Popen(self.words, stdout=log, stderr=log, cwd=self.folder, env=told)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL wait for the end."""
        if self.process is None:
            return
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
            self.process = None


def start_node(folder: Path, binary: Path, lines: Sequence[str], flags: Sequence[str] = (), *, bus: int = 0) -> Node:
    """Start a server or a sentinel on a port of its own, which `PORT` stands for in its lines; the folder is new.

    The lines hold passwords: the file is for our eyes only.
    """
    port = free_port()
    folder.mkdir(mode=0o700, parents=True)
    file = folder / "node.conf"
    file.touch(mode=0o600)
    bound = [f"port {port}", "bind 127.0.0.1", f"dir {folder}"]
    file.write_text("\n".join([*bound, *lines, ""]).replace("PORT", str(port)), encoding="ascii")
    node = Node(folder, port, (str(binary), str(file), *flags), bus=bus)
    node.start()
    return node


def lines_of_server(password: str) -> list[str]:
    """Return what each server has in its configuration: a password, and every write on the disk."""
    return [
        f"requirepass {password}",
        f"masterauth {password}",
        "appendonly yes",
        "appendfsync always",
        'save ""',
        "repl-diskless-sync-delay 0",
    ]


def debian_server() -> Path | None:
    """Return the `redis-server` of this machine; None where none is installed."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def end_watches() -> None:
    """End the threads of this process that ask where a primary is: those who knew are gone."""
    for thread in threading.enumerate():
        if isinstance(thread, PrimaryWatch):
            thread.primary.release()
            thread.join(_STARTS_S)


def wait_for(holds: Any, problem: str, seconds: float = _STARTS_S) -> None:  # noqa: ANN401 - any question without arguments
    """Wait until `holds()`; a server that is away holds nothing.

    Raises:
        TimeoutError: saying `problem`.
    """
    until = _CLOCK.monotonic() + seconds
    while _CLOCK.monotonic() < until:
        with contextlib.suppress(RedisError, OSError, KeyError):
            if holds():
                return
        _CLOCK.wait(_NEVER, 0.05)
    raise TimeoutError(problem)
