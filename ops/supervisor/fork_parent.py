"""The process that imports programs, forks once for each and ends: `python -m ops.supervisor.fork_parent`.

Each word is `module:told:log`, with two pipes that were left open for the fork: it reads how to begin from the first
(nothing: it ends) and writes its log to the second. The ids of the forks are printed in their order.
"""

import ctypes
import gc
import json
import os
import runpy
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from shared.process.shutdown_signals import die_with_parent


def main(words: Sequence[str]) -> None:
    """Import the programs, then fork; in a fork, run its program to its end."""
    die_with_parent()
    asked = [word.split(":") for word in words]
    pipes = {int(pipe) for _, *ends in asked for pipe in ends}
    for module, *_ in asked:
        _import(module)
    gc.disable()
    gc.freeze()  # what was imported is not looked through by the forks: a page that is written is shared no more
    for module, told, log in asked:
        if not (pid := os.fork()):
            _leave_session(int(log), pipes - {int(told)})
            _become(module, int(told))
            return
        print(pid, flush=True)  # noqa: T201 - the answer


def _import(module: str) -> None:
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
    _show_as(sys.executable, "-m", module, *given["arguments"])
    gc.enable()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _show_as(*words: str) -> None:
    """Let `ps` show these words: they are written over our own arguments, as far as there is room."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])  # arg_start and arg_end, proc_pid_stat(5)
    line = b"\0".join(map(os.fsencode, words))[: end - start - 1]
    ctypes.memmove(start, line.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    main(sys.argv[1:])
