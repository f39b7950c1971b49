"""Programs started together as forks of one process that has imported them all, so that they share its memory.

`start_forks` runs `ops.supervisor.fork_parent`, or asks the fork of ours that does the same (`warm_parent`): it
imports, forks once for each program and ends, so the forks become our children like any other. It is told no setting
and no key; each fork gets its own environment through a pipe, and begins with it. A program that ended is started again
by itself, with the code that is there then.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TextIO

from ops.supervisor.child import ChildProgram, RunningProcess
from ops.supervisor.warm_parent import WarmParent
from shared.clock import Clock
from shared.process.shutdown_signals import DIE_WITH_PARENT

_PR_SET_CHILD_SUBREAPER = 36
_LONGEST_S = 60.0
_LOOK_EVERY_S = 0.02
_HARMLESS = ("PYTHON", "MALLOC_", "LD_", "LC_", "LANG", "PATH", "HOME", "TZ", DIE_WITH_PARENT)
"""How the variables begin that the interpreter and the loader of libraries need."""
_NEVER = threading.Event()


class ForkedProcess:
    """A child of ours that another process forked: as much of `subprocess.Popen` as a program needs."""

    def __init__(self, pid: int, stderr: TextIO | None = None) -> None:
        self.pid, self.stderr = pid, stderr
        self._code: int | None = None
        self._asking = threading.Lock()

    def poll(self) -> int | None:
        """Return its exit code, minus the number of a signal that killed it; None while it runs."""
        with self._asking:
            if self._code is None:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                self._code = os.waitstatus_to_exitcode(status) if ended else None
            return self._code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


class _Fork:
    """A program's fork before it begins: the pipe its environment goes through, and that of its log lines."""

    def __init__(self, program: ChildProgram) -> None:
        self._program = program
        self._told, self._tell = os.pipe()
        self._lines, self._write = os.pipe()
        self.module, self.inherited = program.module, (self._told, self._write)
        self.word = f"{program.module}:{self._told}:{self._write}"

    def release(self) -> None:
        """Close our copies of what it inherited."""
        for end in self.inherited:
            os.close(end)

    def begin(self, pid: int) -> ForkedProcess:
        """Tell it how to begin; one that was killed meanwhile hears nothing any more."""
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._tell, "w", encoding="ascii") as tell:
            json.dump({"environment": self._program.environment(), "arguments": self._program.arguments}, tell)
        return ForkedProcess(pid, os.fdopen(self._lines, errors="replace"))

    def give_up(self) -> None:
        """Tell it nothing, which ends it."""
        os.close(self._tell)
        os.close(self._lines)


def harmless(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the process that forks may be told: no setting and no key."""
    return {name: value for name, value in environment.items() if name.startswith(_HARMLESS)}


def start_forks(programs: Sequence[ChildProgram], clock: Clock, stop: threading.Event) -> dict[str, ForkedProcess]:
    """Start programs in their order; return their processes by name, none where that is not possible or was stopped.

    The thread that calls it must outlive them (parent-death signal).
    """
    if not programs or not _adopt_orphans(wanted=True):
        return {}
    forks = [_Fork(program) for program in programs]
    try:
        pids = _forked(programs[0], forks, clock, stop)
    finally:
        _adopt_orphans(wanted=False)
        for fork in forks:
            fork.release()
    if len(pids) == len(forks):
        return {program.name: fork.begin(pid) for program, fork, pid in zip(programs, forks, pids, strict=True)}
    for fork in forks:
        fork.give_up()
    for pid in pids:
        os.waitpid(pid, 0)
    return {}


def _adopt_orphans(*, wanted: bool) -> bool:
    """Become the parent of what our children leave behind, or no more; False where that is unknown (not Linux)."""
    return sys.platform.startswith("linux") and not ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, wanted, 0, 0, 0)


def _forked(first: ChildProgram, forks: Sequence[_Fork], clock: Clock, stop: threading.Event) -> list[int]:
    """Let the process that imports fork; return the ids of our new children, too few where it failed."""
    warm, WarmParent.current = WarmParent.current, None
    said = _said_by_warm(warm, forks, clock, stop) if warm else _said_by_new(first, forks, clock, stop)
    return [pid for pid in map(int, said.split()) if _is_ours(pid)]


def _said_by_warm(warm: WarmParent, forks: Sequence[_Fork], clock: Clock, stop: threading.Event) -> str:
    """Ask the one that is a fork of ours; return what it said when it has ended."""
    process = ForkedProcess(warm.pid)
    warm.ask([fork.module for fork in forks], [end for fork in forks for end in fork.inherited])
    _await_end(process, clock, stop)
    process.send_signal(signal.SIGKILL)
    while process.poll() is None:
        clock.wait(_NEVER, _LOOK_EVERY_S)
    return warm.answer()


def _said_by_new(first: ChildProgram, forks: Sequence[_Fork], clock: Clock, stop: threading.Event) -> str:
    """Run a new one; return what it said when it has ended."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "ops.supervisor.fork_parent", *(fork.word for fork in forks)],
        env=harmless(first.environment()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        pass_fds=[end for fork in forks for end in fork.inherited],
    ) as parent:
        _await_end(parent, clock, stop)
        parent.kill()
        return parent.communicate()[0]


def _await_end(parent: RunningProcess, clock: Clock, stop: threading.Event) -> None:
    """Wait until who forks has ended, takes too long, or we are told to stop."""
    latest = clock.monotonic() + _LONGEST_S
    while parent.poll() is None and clock.monotonic() < latest and not clock.wait(stop, _LOOK_EVERY_S):
        continue


def _is_ours(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
