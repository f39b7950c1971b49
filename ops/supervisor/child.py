"""One program under `hybrid up`: a process of its own, its log lines, and when it may start again."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Protocol

from ops.domain.restart_policy import RestartAgain, RestartBackoff, RestartDone, RestartHalt, after_exit
from shared.clock import Clock
from shared.domain.secret_settings import without_secrets
from shared.process.shutdown_signals import DIE_WITH_PARENT

Sink = Callable[[str, str], None]
"""Takes a program's name and one of its log lines."""

_PLAIN_LINE = re.compile(r"[A-Za-z][\w .@-]*: \S")


@dataclass(frozen=True)
class ChildProgram:
    """What to start: `python -m <module>`, with what it is told beyond our environment.

    Only who `signs` inherits what leads to a key. One that is `optional` and refuses to run ends nobody else.
    """

    name: str
    module: str
    env: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    signs: bool = False
    optional: bool = False

    def environment(self) -> dict[str, str]:
        """Return its whole environment."""
        own = {**self.env, DIE_WITH_PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        inherited = os.environ if self.signs else without_secrets(os.environ)
        return {"MALLOC_ARENA_MAX": "1", **inherited, **own}  # one heap: a thread's own is never given back


class RunningProcess(Protocol):
    """A program's process, whoever started it."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def stderr(self) -> IO[str] | None:
        """Its log lines."""
        ...

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""
        ...

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""
        ...


class ChildProcess:
    """A program that is kept running. Use it from one thread, which must outlive the process (parent-death signal)."""

    def __init__(self, program: ChildProgram, sink: Sink, clock: Clock, backoff: RestartBackoff | None = None) -> None:
        self.name, self.program = program.name, program
        self.starts = 0
        self._sink, self._clock = sink, clock
        self._backoff = backoff or RestartBackoff()
        self._process: RunningProcess | None = None
        self._reader: threading.Thread | None = None
        self._lines: deque[str] = deque(maxlen=50)
        self._started_at = self._due_at = 0.0
        self._crashes = 0

    @property
    def pid(self) -> int | None:
        """Return its process id while it runs."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Say whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, process: RunningProcess | None = None) -> None:
        """Keep this process of it running, or start one."""
        self._process = process or self._spawned()
        self.starts += 1
        self._started_at = self._clock.monotonic()
        self._reader = threading.Thread(target=self._read, args=(self._process,), name=f"{self.name}-log", daemon=True)
        self._reader.start()

    def turn(self) -> RestartAgain | RestartDone | RestartHalt | None:
        """Look after it once; return what was decided when it ended, None while nothing happens."""
        if self._process is None:
            if self._due_at <= self._clock.monotonic():
                self.start()
            return None
        code = self._process.poll()
        return None if code is None else self._ended(code)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def why(self) -> str:
        """Return the last plain line it wrote: what an operator should read."""
        self.finish_reading()
        plain = [line for line in self._lines if _PLAIN_LINE.match(line)]
        return plain[-1] if plain else "it left no message"

    def _spawned(self) -> RunningProcess:
        """Start a process away from the terminal's Ctrl-C: the parent ends its children in order."""
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-P", "-m", self.program.module, *self.program.arguments],
            env=self.program.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def _ended(self, code: int) -> RestartAgain | RestartDone | RestartHalt:
        self.finish_reading()
        now = self._clock.monotonic()
        verdict = after_exit(code, now - self._started_at, self._crashes, self._backoff)
        if isinstance(verdict, RestartAgain):
            self._crashes, self._due_at = verdict.crashes, now + verdict.after_s
            self._process = None
        return verdict

    def finish_reading(self) -> None:
        """Wait until all that an ended process wrote is read, and the thread that read it has ended."""
        if self._reader is not None:
            self._reader.join(1)

    def _read(self, process: RunningProcess) -> None:
        if process.stderr is None:
            return
        with process.stderr as lines:
            for line in lines:
                self._lines.append(line.rstrip())
                self._sink(self.name, line.rstrip())
