"""Programs for test_up.py to keep running: `python -m programs <what to do>`."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from shared.domain import exit_codes


def main(what: str, trace: Path) -> int:
    """Do `what`, and note in `trace` when we start and when we are told to end."""
    note(trace, "started")
    if what == "tell-key":
        note(trace, os.environ.get("PRIVATE_KEY", "none"))
    match what:
        case "done":
            return exit_codes.CLEAN
        case "misconfigured":
            sys.stderr.write("buyer: STAKE_USDC='x': Input should be a valid decimal\n")
            return exit_codes.BAD_CONFIG
        case "crash-once":
            if trace.read_text().count("started") == 1:
                return exit_codes.CRASH
            return wait(trace)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            note(trace, "deaf")
            threading.Event().wait()
            return exit_codes.CLEAN
        case _:
            return wait(trace)


def wait(trace: Path) -> int:
    """Wait for SIGTERM."""
    told = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, on_signal)
    note(trace, "waiting")
    told.wait()
    note(trace, "ended")
    return exit_codes.CLEAN


def note(trace: Path, word: str) -> None:
    """Append a word to our trace."""
    with trace.open("a") as file:
        file.write(f"{word}\n")
    with trace.with_name("all").open("a") as file:
        file.write(f"{trace.name} {word}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
