"""The process that has imported our programs and forks one when a test asks: `python -m tests.running.warm_server N`.

A question is a packet of a socket, with the ends of the new process's stdin, stdout and stderr; the answer is its
process id. When the socket ends, so does this process.
"""

import gc
import json
import os
import runpy
import socket
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

LONGEST = 2**18
"""Bytes that a question may have."""
STANDARD = (0, 1, 2)
OF_COMMANDS = ("ops.supervisor.up", "ops.supervisor.pipeline", "ops.recording.capture", "ops.demo.demo")
"""What a command of `hybrid` imports only when it is run."""


def main(number: int) -> None:
    """Fork what is asked for; in a fork, be the program to its end."""
    with socket.socket(fileno=number) as questions:
        while True:
            text, ends, _, _ = socket.recv_fds(questions, LONGEST, len(STANDARD))
            if not text:
                return
            asked = json.loads(text)
            _import(asked["module"])
            if _forked():
                questions.send(str(os.getpid()).encode())
                break
            for end in ends:
                os.close(end)
    _become(asked, ends)


def _import(module: str) -> None:
    """Import a program without running it, and forget it again: it will run as `__main__`."""
    spec = find_spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    name = f"{module}.__main__" if is_package else module
    for each in (name, *(OF_COMMANDS if module == "ops.cli" else ())):
        import_module(each)
    del sys.modules[name]
    gc.freeze()


def _forked() -> bool:
    """Fork twice and return True in the second fork, once our parent has adopted it: it is a child of the tests."""
    alone, others = os.pipe()
    if between := os.fork():
        os.waitpid(between, 0)
        os.close(alone)
        os.close(others)
        return False
    if os.fork():
        os._exit(0)
    os.close(others)
    os.read(alone, 1)  # ends when nobody else holds the other end
    os.close(alone)
    return True


def _become(asked: dict[str, Any], ends: Sequence[int]) -> None:
    """Be `python -m module` as `subprocess.Popen` starts it."""
    for end, standard in zip(ends, STANDARD, strict=True):
        os.dup2(end, standard)
        os.close(end)
    if asked["session"]:
        os.setsid()
    elif asked["group"] >= 0:
        os.setpgid(0, asked["group"])
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["arguments"]
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
