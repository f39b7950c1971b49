"""The process that imports programs, forks once for each and ends: `python -m ops.supervisor.fork_parent`.

Each word is `module:told:log`, with two pipes that were left open for the fork: it reads how to begin from the first
(nothing: it ends) and writes its log to the second. The ids of the forks are printed in their order.

`fork_when_told` does the same in a process that has imported them already (`ops/supervisor/warm_start`).
"""

import ctypes
import gc
import json
import os
import runpy
import socket
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from shared.process.shutdown_signals import die_with_parent

MOST_BYTES, MOST_PIPES = 4096, 64
"""Of one order: a name and two pipes for each program."""


class ForkOrder(NamedTuple):
    """A program to fork, and its ends of two pipes."""

    module: str
    told: int
    log: int


def main(words: Sequence[str]) -> None:
    """Import the programs, then fork; in a fork, run its program to its end."""
    die_with_parent()
    asked = [word.split(":") for word in words]
    programs = [ForkOrder(module, int(told), int(log)) for module, told, log in asked]
    fork_all(programs, lambda pid: print(pid, flush=True))  # noqa: T201 - the answer


def fork_all(orders: Sequence[ForkOrder], tell: Callable[[int], object], answers: Collection[int] = ()) -> None:
    """Import programs and fork once for each, telling the ids; in a fork, run its program to its end.

    `answers` are descriptors by which the ids are told: no fork holds one.
    """
    pipes = {pipe for order in orders for pipe in (order.told, order.log)} | set(answers)
    for order in orders:
        import_program(order.module)
    gc.disable()
    gc.freeze()  # what was imported is not looked through by the forks: a page that is written is shared no more
    for order in orders:
        if not (pid := os.fork()):
            _leave_session(order.log, pipes - {order.told})
            _become(order.module, order.told)
            return
        tell(pid)


def fork_when_told(channel: socket.socket) -> None:
    """Wait until `channel` names programs and brings their pipes, fork, and tell the ids there; nothing: end."""
    text, pipes, *_ = socket.recv_fds(channel, MOST_BYTES, MOST_PIPES)
    modules = text.decode("ascii").split()
    orders = [ForkOrder(*one) for one in zip(modules, pipes[::2], pipes[1::2], strict=True)]
    answer = channel.detach()
    fork_all(orders, lambda pid: os.write(answer, b"%d\n" % pid), {answer})


def import_program(module: str) -> None:
    """Import a program without running it, and forget it again: it will run as `__main__`."""
    spec = find_spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    name = f"{module}.__main__" if is_package else module
    import_module(name)
    del sys.modules[name]


def _leave_session(log: int, pipes: set[int]) -> None:
    """Leave our parent's session, and hold no end of a pipe but our own."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for end, standard in ((nowhere, 0), (nowhere, 1), (log, 2)):
        os.dup2(end, standard)
    for end in (nowhere, *pipes):
        os.close(end)


def _become(module: str, told: int) -> None:
    """Wait until we are told how, then be `python -m module`."""
    with os.fdopen(told, encoding="ascii") as lines:
        text = lines.read()
    if not text:
        return
    given = json.loads(text)
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv[1:] = given["arguments"]
    show_as(sys.executable, "-m", module, *given["arguments"])
    gc.enable()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def show_as(*words: str) -> None:
    """Let `ps` show these words: they are written over our own arguments, as far as there is room."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc_pid_stat(5)
    line = b"\0".join(map(os.fsencode, words))[: end - start - 1]
    ctypes.memmove(start, line.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    main(sys.argv[1:])
