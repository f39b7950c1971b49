"""A program of ours that begins at once: forked from a process that has imported it, where Popen would import it anew.

Importing takes half a second of CPU and tests start hundreds of programs. What they see is the same: a child of theirs
with its own pid, pipes, group and exit code, to be waited for and killed. Where the start itself is what is tested, or
the interpreter is told something (PYTHONPATH), or memory that forks share is counted, a test starts
`sys.executable -m` itself.
"""

import atexit
import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from tests.conftest import ROOT
from tests.waiting import PATIENCE_S

_PR_SET_CHILD_SUBREAPER = 36
_FORKS = sys.platform.startswith("linux")


class WarmProcess(subprocess.Popen[str]):
    """`python -m words` with Popen's options; text unless told otherwise."""

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        given: dict[str, Any] = {"cwd": ROOT, "text": True, **options}
        super().__init__([sys.executable, "-m", *words], **given)

    def _execute_child(self, args: Sequence[str], *given: Any) -> None:
        """Do what Popen does at this place (3.11 to 3.14), by asking the process that has imported."""
        if not _FORKS:
            cast("Any", super())._execute_child(args, *given)
            return
        cwd, env, ends = given[4], given[5], given[9:15]
        session, group = given[20:22]
        asked = {
            "module": args[2],
            "arguments": args[3:],
            "cwd": str(cwd),
            "environment": dict(os.environ if env is None else env),
            "session": session,
            "group": group,
        }
        inherited = (ends[0], ends[3], ends[5])
        self.pid = _ask(asked, [end if end >= 0 else number for number, end in enumerate(inherited)])
        self._child_created = True
        cast("Any", self)._close_pipe_fds(*ends)


def run_warm(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a program of ours to its end; return its code and, unless told otherwise, what it printed."""
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    with WarmProcess(words, **given) as process:
        try:
            out, log = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, log)


def _ask(asked: dict[str, Any], ends: Sequence[int]) -> int:
    questions = _server()
    _adopt_orphans(wanted=True)
    try:
        socket.send_fds(questions, [json.dumps(asked).encode()], ends)
        return int(questions.recv(64))
    finally:
        _adopt_orphans(wanted=False)


@cache
def _server() -> socket.socket:
    """Start the process that imports, once for each process of the tests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        words = [sys.executable, "-m", "tests.running.warm_server", str(theirs.fileno())]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    ours.settimeout(PATIENCE_S)
    atexit.register(_end, ours, process)
    return ours


def _end(ours: socket.socket, process: subprocess.Popen[bytes]) -> None:
    ours.close()
    process.wait(PATIENCE_S)


def _adopt_orphans(*, wanted: bool) -> None:
    """Be the parent of what our children leave behind, or no more."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, wanted, 0, 0, 0)
