"""One service's life as a process: opened, watched, drained, closed, judged.

The main thread owns the process's state and does nothing else; the service works on threads. Everything that
can end the process (a signal, a crash, the end of the work, the run time) reaches it as a message.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from pydantic_core import to_jsonable_python
from redis import Redis

from shared import logs, metrics
from shared.clock import Clock
from shared.code_version import code_version
from shared.config import Settings
from shared.domain import exit_codes
from shared.domain.errors import DependencyMissing, HybridError, TryAgain
from shared.domain.redaction import redact_secrets
from shared.domain.server_check import ServerFindings
from shared.process import beats
from shared.process.beats import State
from shared.process.health_server import HealthProbes, HealthServer
from shared.process.heartbeat import Emit, HeartbeatAnnouncer
from shared.process.process_name import process_address
from shared.process.shutdown_signals import (
    LONGEST_WAIT_S,
    Inbox,
    Interrupt,
    ServiceFailed,
    ServiceFinished,
    StopRequested,
    ToldToStop,
    interruptible,
)
from shared.process.stderr_lines import say_event, say_line, say_stopped
from shared.process.stop_event import StopEvent
from shared.redis.client import check_server
from shared.redis.connection.moving_primary import PrimaryWatch
from shared.redis.server_loading import wait_until_loaded

LAST_WORDS_S = 2.0
HELPERS_END_S = 1.0
"""Seconds that daemon threads have to end once the work has."""
_LOOK_EVERY_S = 0.05
HURRY_AFTER_S = 0.1
"""A second signal this long after the first ends the wait; a sooner one is an echo (a parent that passes Ctrl-C on)."""

Abandon = Callable[[], Sequence[str]]


def left_by_nobody() -> Sequence[str]:
    """Name nothing: there is only this process."""
    return ()


class Service(Protocol):
    """What runs as a process."""

    name: str

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set or the work is done; raise the `HybridError` that ends it."""
        ...

    def ready(self) -> bool:
        """Say whether it does its work now."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """Return its numbers, for heartbeats and the last word."""
        ...


class ServiceLife:
    """One process's life: opened, watched, drained, closed."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        redis: Redis | None,
        *,
        clock: Clock,
        inbox: Inbox,
        emit: Emit | None,
        abandon: Abandon = left_by_nobody,
    ) -> None:
        logs.configure_logs(level=settings.log_level, form=settings.log_format)
        self._service, self._settings, self._redis = service, settings, redis
        self._clock, self._inbox, self._emit, self._abandon = clock, inbox, emit, abandon
        self._stop = StopEvent(clock)
        self._hurried = False
        self._log = logs.get_logger("process", service=service.name)
        self._thread = threading.Thread(target=self._work, name=service.name)
        self._began = clock.monotonic()
        self._next_beat = self._began

    def live(self, mode: str, drain_s: float) -> int:
        """Live it; return the exit code."""
        try:
            with interruptible():
                served = self._ask_redis()
            if not served:
                return exit_codes.CLEAN
            health = self._open_health()
        except HybridError as error:
            return say_event(self._service.name, error)
        except ToldToStop as told:
            return say_stopped(self._service.name, told)
        announcer = HeartbeatAnnouncer(
            self._redis,
            self._clock,
            self._service.name,
            self._instance(),
            self._emit,
            keep_entries=self._settings.keep_entries,
            every_s=self._settings.heartbeat_s,
        )
        try:
            return self._live(announcer, set(threading.enumerate()), mode, drain_s)
        finally:
            announcer.close(LAST_WORDS_S)
            health.stop()

    def _live(self, announcer: HeartbeatAnnouncer, others: set[threading.Thread], mode: str, drain_s: float) -> int:
        announcer.start(mode, code_version(), redact_secrets(self._settings.published()))
        self._log.info("service_started", mode=mode, instance=self._instance(), version=code_version())
        self._thread.start()
        interrupt = self._watch(announcer)
        self._stop.set()
        failures = [interrupt] if isinstance(interrupt, ServiceFailed) else []
        stuck = self._drain(others, drain_s, failures)
        code, reason = self._judge(interrupt, failures, stuck)
        announcer.stop(reason, code, {self._service.name: self._snapshot()}, self._parts())
        self._log.info("service_stopped", reason=reason, exit_code=code)
        return code

    def _ask_redis(self) -> bool:
        """Wait for a server that loads its file and say what it keeps; False when told to stop before it serves."""
        if self._redis is None:
            return True
        try:
            if not wait_until_loaded(self._redis, clock=self._clock, tell=self._tell_loading, pause=self._pause):
                return False
            self._tell_findings(check_server(self._redis))
        except TryAgain as error:
            url = redact_secrets(self._settings.redis_url)
            fix = "start one with `hybrid redis`, or set REDIS_URL to yours"
            raise DependencyMissing(f"REDIS_URL={url}: no server answers ({error}); {fix}") from error
        return True

    def _tell_loading(self, line: str) -> None:
        self._log.info("server_loading", found=line)

    def _pause(self, seconds: float) -> bool:
        """Wait; True when told to stop, which nothing that began has to hear of."""
        with contextlib.suppress(queue.Empty):
            interrupt = self._inbox.get(timeout=seconds)
            reason = interrupt.reason if isinstance(interrupt, StopRequested) else "failed"
            say_line(f"{self._service.name}: stopped by {reason} before it began: the server was loading its file")
            return True
        return False

    def _tell_findings(self, found: ServerFindings) -> None:
        self._log.info("server_checked", **{name.replace("-", "_"): value for name, value in found.settings.items()})
        for warning in found.warnings:
            self._log.warning("server_may_lose", found=warning)
        if found.unknown:
            self._log.warning("server_not_known", found=found.unknown)

    def _open_health(self) -> HealthServer:
        settings, name = self._settings, self._service.name
        token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
        probes = HealthProbes(name, self._stop.beats, self._ready, missing=self._missing)
        health = HealthServer(settings.health_host, settings.health_port, probes, token=token).start()
        self._log.info("health_listening", host=settings.health_host, port=health.port)
        return health

    def _work(self) -> None:
        try:
            self._service.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - whatever ends the service ends the process, and says so
            self._inbox.put(ServiceFailed(error, threading.current_thread().name))
        else:
            self._inbox.put(ServiceFinished())

    def _watch(self, announcer: HeartbeatAnnouncer) -> Interrupt:
        """Wait for what ends the process, with a heartbeat every `heartbeat_s`."""
        while True:
            now = self._clock.monotonic()
            ends = self._began + self._settings.runtime_seconds
            if self._settings.runtime_seconds and now >= ends:
                return StopRequested("runtime_seconds")
            if now >= self._next_beat:
                self._next_beat = now + self._settings.heartbeat_s
                self._beat(announcer)
            pause = min(self._next_beat, ends if self._settings.runtime_seconds else self._next_beat) - now
            with contextlib.suppress(queue.Empty):
                return self._inbox.get(timeout=min(LONGEST_WAIT_S, max(0.001, pause)))

    def _beat(self, announcer: HeartbeatAnnouncer) -> None:
        ready = self._ready()
        metrics.make_gauge("ready", "1 while the service does its work.", "service").labels(self._service.name).set(
            ready
        )
        metrics.make_counter("heartbeats_total", "Heartbeats.", "service").labels(self._service.name).inc()
        detail = {**self._snapshot(), "quiet_s": round(self._stop.quiet_s(), 1)}
        announcer.health(detail, ready=ready, hangs=not self._stop.beats(), parts=self._parts())

    def _drain(self, others: set[threading.Thread], drain_s: float, failures: list[ServiceFailed]) -> list[str]:
        """Wait until the service's threads ended; return the names of those that did not."""
        began = self._clock.monotonic()
        while stuck := self._running(others):
            spent = self._clock.monotonic() - began
            if spent >= drain_s:
                return stuck
            with contextlib.suppress(queue.Empty):
                late = self._inbox.get(timeout=_LOOK_EVERY_S)
                if isinstance(late, ServiceFailed):
                    failures.append(late)
                if isinstance(late, StopRequested) and self._clock.monotonic() - began >= HURRY_AFTER_S:
                    self._hurry(stuck)
                    return stuck
        self._await_helpers(others, began + drain_s)
        return []

    def _await_helpers(self, others: set[threading.Thread], latest: float) -> None:
        """Wait for the threads that nobody has to wait for: each ends on the stop event, or is named here."""
        found = (thread for thread in threading.enumerate() if thread not in others)
        helpers = [thread for thread in found if not isinstance(thread, PrimaryWatch)]
        deadline = min(latest, self._clock.monotonic() + HELPERS_END_S)
        for thread in helpers:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        if left := [thread.name for thread in helpers if thread.is_alive()]:
            self._log.warning("threads_left", threads=left)

    def _hurry(self, stuck: list[str]) -> None:
        """Say what is left behind: told twice, nothing is waited for any more."""
        self._hurried = True
        left = ", ".join([*self._abandon(), *stuck])
        say_line(f"{self._service.name}: told twice, ended at once; left unfinished: {left}; the next start goes on")

    def _running(self, others: set[threading.Thread]) -> list[str]:
        mine = [thread for thread in threading.enumerate() if thread not in others]
        return [thread.name for thread in mine if thread is self._thread or not thread.daemon]

    def _judge(self, interrupt: Interrupt, failures: list[ServiceFailed], stuck: list[str]) -> tuple[int, str]:
        if failures:
            for failed in failures:
                self._report(failed)
            first = failures[0]
            return exit_codes.exit_code(first.error), f"{type(first.error).__name__}: {first.error}"
        if stuck:
            self._log.error("threads_did_not_end", threads=stuck)
            if not self._hurried:
                say_line(f"{self._service.name}: did not end in time: {', '.join(stuck)}; left as after a crash")
            return exit_codes.CRASH, f"did not end in time: {', '.join(stuck)}"
        return exit_codes.CLEAN, interrupt.reason if isinstance(interrupt, StopRequested) else "finished"

    def _report(self, failed: ServiceFailed) -> None:
        if exit_codes.exit_code(failed.error) == exit_codes.CRASH:
            self._log.error("thread_crashed", thread=failed.thread, exc_info=failed.error)
        say_event(self._service.name, failed.error)

    def _ready(self) -> bool:
        try:
            return self._service.ready()
        except Exception:  # noqa: BLE001 - logged whole; a service that cannot say is not ready
            self._log.exception("ready_failed")
            return False

    def _snapshot(self) -> dict[str, Any]:
        try:
            return redact_secrets(to_jsonable_python(self._service.snapshot(), fallback=str))
        except Exception as error:  # noqa: BLE001 - logged whole; numbers are not worth the process
            self._log.exception("snapshot_failed")
            return {"error": str(error)}

    def _parts(self) -> Mapping[str, State]:
        """Return how the parts of the service stand that others run as processes of their own; mostly it has none."""
        parts = getattr(self._service, "parts", None)
        return cast("Mapping[str, State]", parts()) if parts is not None else {}

    def _missing(self) -> Sequence[str]:
        """Return whom we need and have lost; a server that is away tells nothing, which others notice themselves."""
        if self._redis is None or self._service.name not in beats.NEEDS:
            return ()
        try:
            return beats.missing_processes(self._service.name, beats.read_standings(self._redis))
        except HybridError:
            return ()

    def _instance(self) -> str:
        named = str(getattr(self._settings, "instance", ""))
        return named or f"{self._service.name}@{process_address()}"
