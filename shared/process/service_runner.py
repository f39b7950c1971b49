"""Run one service as a process: start, heartbeat, stop within 15 s, and an exit code that says why."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from redis import Redis

from shared import logs
from shared.clock import Clock, SystemClock
from shared.code_version import code_version
from shared.config import Settings
from shared.domain.errors import DependencyMissing, HybridError, TryAgain
from shared.process import outlet
from shared.process.heartbeat import Emit
from shared.process.refused_start import stay_refused
from shared.process.service_life import Abandon, Service, ServiceLife, left_by_nobody
from shared.process.shutdown_signals import Inbox, die_with_parent, listen_signals
from shared.process.stderr_lines import say_event

__all__ = ["DRAIN_S", "Built", "Service", "code_version", "leave", "main", "run"]

DRAIN_S = 12.0
"""Seconds a service has to finish what is in flight; with the last words it ends within 15."""

Built = tuple[Service, Settings, Redis | None]


def main(program: str, build: Callable[[], Built], *, clock: Clock | None = None, emit: Emit | None = None) -> NoReturn:
    """Build a service, run it, and leave the process with its exit code: the body of every `__main__`."""
    inbox, now = Inbox(), clock or SystemClock()
    with listen_signals(inbox):
        die_with_parent()
        outlet.install_outlet()
        code = _build_and_run(program, build, now, inbox, emit)
        stay_refused(program, code, inbox)
        leave(code)


def run(
    service: Service,
    settings: Settings,
    *,
    redis: Redis | None,
    clock: Clock,
    mode: str = "",
    emit: Emit | None = None,
    drain_s: float = DRAIN_S,
    inbox: Inbox | None = None,
    abandon: Abandon = left_by_nobody,
) -> int:
    """Run `service` until it is told to stop, is done or fails; return the exit code (`shared.domain.exit_codes`).

    Args:
        service: What to run, on a thread named after it.
        settings: Its settings: run time, heartbeat, health port, logs.
        redis: Where its events go; None for none. It must answer now, and may go away later.
        clock: The time.
        mode: `paper` or `live`, where that means something.
        emit: Also gets SERVICE_START and SERVICE_STOP, at once.
        drain_s: Seconds the service has to end after being told.
        inbox: Where who listens already hears signals; None to listen here.
        abandon: Called when told a second time: drops at once what is outside this process, and names it.
    """
    if inbox is None:
        with listen_signals(inbox := Inbox()):
            life = ServiceLife(service, settings, redis, clock=clock, inbox=inbox, emit=emit, abandon=abandon)
            return life.live(mode, drain_s)
    return ServiceLife(service, settings, redis, clock=clock, inbox=inbox, emit=emit, abandon=abandon).live(
        mode, drain_s
    )


def leave(code: int) -> NoReturn:
    """End the process now, also when a thread does not: its work is safe to repeat, as after a crash.

    Nothing waits for a thread here, not even the interpreter's own end: it would abort over one that holds a stream.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    outlet.finish_outlet()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _build_and_run(program: str, build: Callable[[], Built], clock: Clock, inbox: Inbox, emit: Emit | None) -> int:
    try:
        service, settings, redis = build()
    except TryAgain as error:
        return say_event(program, DependencyMissing(str(error)))
    except HybridError as error:
        return say_event(program, error)
    except Exception as error:  # noqa: BLE001 - a start that crashes says so like every crash
        logs.get_logger("process", service=program).error("start_crashed", exc_info=error)
        return say_event(program, error)
    life = ServiceLife(service, settings, redis, clock=clock, inbox=inbox, emit=emit)
    return life.live(_mode_of(settings), DRAIN_S)


def _mode_of(settings: Settings) -> str:
    """Return `live` or `paper` for a program that could trade, '' for one that could not."""
    live = getattr(settings, "live", None)
    return "" if live is None else ("live" if live and not getattr(settings, "dry_run", False) else "paper")
