"""`hybrid up` begun anew by a process that has imported its programs first, so that it shares their memory too.

`begin_warm` replaces the process by `python -m ops.supervisor.warm_start`, which keeps its id and its terminal, is told
no setting and no key, imports, and forks the process that the programs will be forks of. Only then it reads the
environment of before from a file without a name, and goes on as the command that it was.
"""

from shared.process.early_signals import early_signals

with early_signals("hybrid"):
    import contextlib
    import json
    import os
    import socket
    import sys
    from importlib import import_module
    from pathlib import Path

    from ops.supervisor.fork_parent import fork_when_told, import_program, show_as
    from ops.supervisor.prefork import harmless
    from ops.supervisor.warm_parent import WarmParent

_MODULE = "ops.supervisor.warm_start"
_COMMAND, _WORD = "ops.cli", "up"


def begin_warm() -> None:
    """Begin anew as what this is about; return where that was done already, or is not possible.

    Nothing of the kind happens in a process that is not `hybrid up` itself: one that only calls the function.
    """
    itself = sys.argv[1:2] == [_WORD]
    if WarmParent.current is not None or not itself or not sys.platform.startswith("linux"):
        return
    said = {"environment": dict(os.environ), "arguments": sys.argv, "shown": _shown_words()}
    with contextlib.suppress(OSError):
        kept = os.memfd_create("environment", 0)
        os.write(kept, json.dumps(said).encode("ascii"))
        words = [sys.executable, "-P", "-m", _MODULE, str(kept), *_shown_words()]
        os.execve(sys.executable, words, harmless(os.environ))  # noqa: S606 - our own program, the same interpreter


def main(kept: int) -> None:
    """Import, fork who forks programs, and be the command."""
    with early_signals("hybrid"):
        for module in ("redeemer.worker", "redeemer", "buyer", "detector"):
            import_program(module)
        command = import_module(_COMMAND)
        import_module("ops.supervisor.up")
    WarmParent.current = WarmParent.forked(lambda channel: _fork_for(channel, kept))
    with os.fdopen(kept, "rb") as file:
        file.seek(0)
        said = json.load(file)
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.argv[:] = said["arguments"]
    show_as(*said["shown"])
    command.main()


def _fork_for(channel: socket.socket, kept: int) -> None:
    """Forget what is not for us, and wait for what to fork."""
    os.close(kept)
    fork_when_told(channel)


def _shown_words() -> list[str]:
    """Return what `ps` shows of us."""
    return Path("/proc/self/cmdline").read_text(encoding="utf-8", errors="surrogateescape").rstrip("\0").split("\0")


if __name__ == "__main__":
    main(int(sys.argv[1]))
