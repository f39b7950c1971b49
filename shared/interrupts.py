"""What can end a process, as messages to the thread that decides: signals, crashes, the end of the work."""

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
DIE_WITH_PARENT = "HYBRID_DIE_WITH_PARENT"


@dataclass(frozen=True)
class Told:
    """Somebody asked us to stop."""

    reason: str


@dataclass(frozen=True)
class Finished:
    """The service's work is done."""


@dataclass(frozen=True)
class Failed:
    """An exception left a thread."""

    error: BaseException
    thread: str


Interrupt = Told | Finished | Failed
Inbox = queue.SimpleQueue[Interrupt]
"""Its `put` is reentrant: a signal handler that set an event could wait for a lock its own thread holds."""


@contextlib.contextmanager
def listening(inbox: Inbox) -> Generator[None]:
    """Send stop signals (in the main thread only) and exceptions of threads to `inbox`."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        inbox.put(Told(signal.Signals(number).name))

    def on_crash(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            inbox.put(Failed(args.exc_value, args.thread.name if args.thread else "?"))

    in_main = threading.current_thread() is threading.main_thread()
    heard = [number for number in _STOP_SIGNALS if in_main and not _under_nohup(number)]
    before = {number: signal.signal(number, on_signal) for number in heard}
    hook, threading.excepthook = threading.excepthook, on_crash
    try:
        yield
    finally:
        threading.excepthook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _under_nohup(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when our parent dies, where `HYBRID_DIE_WITH_PARENT` asks for it (Linux).

    A value above 1 is the parent's process id: if that parent is gone already, this process ends itself.
    """
    wanted = os.environ.get(DIE_WITH_PARENT, "")
    if not wanted.isdigit() or wanted == "0" or not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if int(wanted) > 1 and os.getppid() != int(wanted):
        os.kill(os.getpid(), signal.SIGTERM)
