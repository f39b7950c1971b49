"""The process that forks our programs, where it is a fork of our own (`ops/supervisor/warm_start`)."""

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from ops.supervisor.fork_parent import MOST_BYTES
from shared.process.shutdown_signals import DIE_WITH_PARENT, die_with_parent


class WarmParent:
    """It waits on a channel for what to fork, once; it ends when it has forked, or when we end."""

    current: ClassVar["WarmParent | None"] = None
    """The one of this process, until it was asked."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid, self._channel = pid, channel

    @classmethod
    def forked(cls, work: Callable[[socket.socket], None]) -> Self:
        """Fork; the fork does `work` with its end of the channel, and ends."""
        ours, theirs = socket.socketpair()
        us = os.getpid()
        if pid := os.fork():
            theirs.close()
            return cls(pid, ours)
        ours.close()
        os.setsid()
        os.environ[DIE_WITH_PARENT] = str(us)
        die_with_parent()
        work(theirs)
        sys.exit(0)

    def ask(self, modules: Sequence[str], pipes: Sequence[int]) -> None:
        """Name the programs to fork, with two pipes for each; one that has died hears nothing any more."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._channel, [" ".join(modules).encode("ascii")], list(pipes))

    def answer(self) -> str:
        """Return the ids of what it forked, when it has ended."""
        self._channel.setblocking(False)  # noqa: FBT003 - its only argument
        with self._channel, contextlib.suppress(OSError):
            return self._channel.recv(MOST_BYTES).decode("ascii")
        return ""
