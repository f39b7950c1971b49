"""All programs under one parent: started, restarted when they crash, ended in order."""

import contextlib
import signal
import threading
from collections.abc import Generator, Sequence
from typing import Any

from ops.domain.restart_policy import RestartAgain, RestartDone, RestartHalt
from ops.supervisor.child import ChildProcess
from ops.supervisor.embedded_redis import EmbeddedRedis
from ops.supervisor.prefork import start_forks
from ops.supervisor.server_keeper import restart_if_ended
from shared import logs
from shared.clock import Clock
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, DependencyMissing, HybridError, RefusedForSafety

_TURN_EVERY_S = 0.1
_TURN_OF_EACH_S = 3.0
"""Seconds one program has to end before the next is told too."""
_END_S = 10.0
"""Seconds all have to end; then they are killed, which loses nothing."""

_ERRORS = {
    exit_codes.BAD_CONFIG: BadConfig,
    exit_codes.DEPENDENCY_MISSING: DependencyMissing,
    exit_codes.REFUSED_FOR_SAFETY: RefusedForSafety,
}


class ProcessPipeline:
    """The service behind `hybrid up`; `children` stand in the order they are ended in."""

    name = "up"

    def __init__(self, children: Sequence[ChildProcess], *, clock: Clock, server: EmbeddedRedis | None = None) -> None:
        self._children, self._clock, self._server = tuple(children), clock, server
        self._done: set[str] = set()
        self._log = logs.get_logger("up")

    def run(self, stop: threading.Event) -> None:
        """Keep all programs running until told to stop or all are done.

        Raises:
            BadConfig, DependencyMissing, RefusedForSafety: a program ended with that code; the message is its own.
            HybridError: a program had to be killed at the end.
        """
        try:
            self._start(stop)
            while self._is_needed() and not self._clock.wait(stop, _TURN_EVERY_S):
                self._turn(stop)
        finally:
            killed = self._end()
        if killed:
            raise HybridError(f"{', '.join(killed)} did not end within {_END_S:g} s and had to be killed")

    def _is_needed(self) -> bool:
        """Say whether a program that is not optional is not done."""
        return any(child.name not in self._done and not child.program.optional for child in self._children)

    def ready(self) -> bool:
        """Say whether every program runs."""
        return all(child.running or child.name in self._done for child in self._children)

    def snapshot(self) -> dict[str, Any]:
        """Return each program's process id and how often it was started."""
        return {child.name: {"pid": child.pid, "starts": child.starts} for child in self._children}

    def abandon(self) -> list[str]:
        """Kill whatever still runs, from any thread; return the names."""
        left = [child for child in self._children if child.running]
        for child in left:
            child.tell(signal.SIGKILL)
        return [child.name for child in left]

    def _start(self, stop: threading.Event) -> None:
        """Start all, as forks of one process where that is possible, the last to be ended first."""
        first_to_last = self._children[::-1]
        forks = start_forks([child.program for child in first_to_last], self._clock, stop)
        for child in () if stop.is_set() and not forks else first_to_last:
            child.start(forks.get(child.name))
            self._log.info("program_started", program=child.name, pid=child.pid, shares_memory=bool(forks))

    def _turn(self, stop: threading.Event) -> None:
        if self._server is not None:
            restart_if_ended(self._server, stop.is_set)
        for child in self._children:
            if child.name not in self._done:
                self._look_after(child)

    def _look_after(self, child: ChildProcess) -> None:
        match child.turn():
            case RestartAgain(after_s, crashes):
                self._log.warning("program_crashed", program=child.name, again_after_s=after_s, crashes=crashes)
            case RestartDone():
                self._done.add(child.name)
                self._log.info("program_done", program=child.name)
            case RestartHalt(code) if child.program.optional:
                self._done.add(child.name)
                self._log.error("program_refused", program=child.name, why=child.why(), exit_code=code)
            case RestartHalt(code):
                raise _ERRORS[code](f"{child.name} ended with {code} ({exit_codes.MEANINGS[code]}): {child.why()}")
            case None:
                return

    def _end(self) -> list[str]:
        """End all in order; return the names of those that had to be killed."""
        deadline = self._clock.monotonic() + _END_S
        for child in self._children:
            child.tell(signal.SIGTERM)
            self._await([child], min(deadline, self._clock.monotonic() + _TURN_OF_EACH_S))
        slow = self._await(self._children, deadline)
        for child in slow:
            child.tell(signal.SIGKILL)
        self._await(slow, self._clock.monotonic() + 1)
        for child in self._children:
            child.finish_reading()
        return [child.name for child in slow]

    def _await(self, children: Sequence[ChildProcess], deadline: float) -> list[ChildProcess]:
        never = threading.Event()
        while running := [child for child in children if child.running]:
            if self._clock.monotonic() >= deadline:
                return running
            self._clock.wait(never, 0.02)
        return []


@contextlib.contextmanager
def running(pipeline: ProcessPipeline, ended: threading.Event) -> Generator[None]:
    """Run the pipeline on a thread of its own while the block runs; set `ended` when it ends before.

    Raises:
        HybridError: what ended it.
    """
    stop, errors = threading.Event(), list[HybridError]()

    def work() -> None:
        try:
            pipeline.run(stop)
        except HybridError as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=work, name="pipeline")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    for error in errors:
        raise error
