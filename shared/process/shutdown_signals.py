"""What can end a process, as messages to the thread that decides: signals, crashes, the end of the work.

A program has three times. While it imports (`shared/process/early_signals`), a stop signal ends it at once, for nothing
is open yet. While it starts what it needs (`interruptible`), one raises `ToldToStop`, so that what was opened is closed
again. After that signals are messages in its inbox (`listen_signals`).
"""

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import FrameType

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
DIE_WITH_PARENT = "HYBRID_DIE_WITH_PARENT"
REFUSED_STAYS = "HYBRID_REFUSED_STAYS_S"


@dataclass(frozen=True)
class StopRequested:
    """Somebody asked us to stop."""

    reason: str


@dataclass(frozen=True)
class ServiceFinished:
    """The service's work is done."""


@dataclass(frozen=True)
class ServiceFailed:
    """An exception left a thread."""

    error: BaseException
    thread: str


Interrupt = StopRequested | ServiceFinished | ServiceFailed
Inbox = queue.SimpleQueue[Interrupt]
"""Its `put` is reentrant: a signal handler that set an event could wait for a lock its own thread holds."""


LONGEST_WAIT_S = 1.0
"""A signal that comes right before a wait begins does not cut it short: its handler runs when the wait ends."""


@contextlib.contextmanager
def listen_signals(inbox: Inbox) -> Generator[None]:
    """Send stop signals (in the main thread only) and exceptions of threads to `inbox`."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        inbox.put(StopRequested(signal.Signals(number).name))

    def on_crash(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            inbox.put(ServiceFailed(args.exc_value, args.thread.name if args.thread else "?"))

    hook, threading.excepthook = threading.excepthook, on_crash
    try:
        with _handling(on_signal):
            yield
    finally:
        threading.excepthook = hook


class ToldToStop(BaseException):
    """A stop signal came while a program was still starting; its text is the signal's name."""


@contextlib.contextmanager
def interruptible() -> Generator[None]:
    """Let a stop signal end a wait of the start: it raises `ToldToStop` in the main thread."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        raise ToldToStop(signal.Signals(number).name)

    with _handling(on_signal):
        yield


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    """Let `handler` have the stop signals while the block runs (in the main thread, which alone may say so)."""
    in_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, handler) for number in heard_signals() if in_main}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def heard_signals() -> list[signal.Signals]:
    """Return the stop signals; under nohup the end of the terminal is none."""
    return [number for number in _STOP_SIGNALS if not _under_nohup(number)]


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


def refused_stays_s() -> float:
    """Return the seconds that a refused program stays (`refused_start`), `inf` for until it is told to stop."""
    try:
        seconds = float(os.environ.get(REFUSED_STAYS, "") or 0)
    except ValueError:
        return 0.0
    return max(0.0, seconds) if seconds == seconds else 0.0  # noqa: PLR0124 - nan is no number of seconds
