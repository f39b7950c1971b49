"""The lock on a server's folder that the server itself holds: it lasts as long as its process, whoever started it.

The open file is handed to the server's process, so the kernel keeps the lock for a server that is frozen and answers
nobody, and frees it however that dies.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Generator
from pathlib import Path
from typing import TextIO

from shared.clock import Clock
from shared.domain.errors import RefusedForSafety

NAME = "serving.lock"
ENDS_WITHIN_S = 10.0
"""A server that was told to end has so long: what it holds it has long written, as it syncs every write."""
_LOOK_EVERY_S = 0.05


@contextlib.contextmanager
def folder_lock(folder: Path, clock: Clock) -> Generator[TextIO]:
    """Take the lock for the server that the block starts with the file's descriptor; write its process id into it.

    Raises:
        RefusedForSafety: another server has the folder: two would spoil its append-only file.
    """
    path, ends = folder / NAME, clock.monotonic() + ENDS_WITHIN_S
    while True:
        with _opened(path) as file:
            if _taken(file):
                yield file
                return
            pid = file.read().strip()
        if pid.isdigit() and not _lives(int(pid)):
            path.unlink(missing_ok=True)  # held by what it had forked to rewrite its file; that serves nobody
        elif clock.monotonic() > ends:
            raise RefusedForSafety(
                f"process {pid or 'unknown'} still is the server of {folder}, left by a start that was killed, and "
                f"does not answer: it may be frozen. End it (`kill -KILL {pid or 'PID'}`: what it acknowledged is "
                f"kept), then start again"
            )
        else:
            clock.wait(threading.Event(), _LOOK_EVERY_S)


def _opened(path: Path) -> TextIO:
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return os.fdopen(number, "r+", encoding="ascii")


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    file.truncate(0)
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
