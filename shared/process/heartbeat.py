"""Tell `hs:service` and `hs:beats` what a process does: best effort, on its own thread, never in the work's way."""

import queue
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from redis import Redis

from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.messages.base import SERVICE, STREAMS, Event, fact_id
from shared.messages.service import ServiceHealth, ServiceStart, ServiceStop
from shared.process import beats
from shared.process.beats import ProcessBeat, State
from shared.process.process_name import process_address
from shared.redis.pipeline_record import note_running, note_start
from shared.redis.streams import publish_event, trim_stream

_MOST_WAITING = 64

Emit = Callable[[Event], None]


class HeartbeatAnnouncer:
    """Publish this process's START, HEALTH and STOP; without Redis they are dropped, which is logged once.

    Each heartbeat also trims every stream to `keep_entries`, as far as its groups are done with them (S4).
    """

    def __init__(
        self,
        redis: Redis | None,
        clock: Clock,
        service: str,
        instance: str,
        emit: Emit | None = None,
        *,
        keep_entries: int | None = None,
        every_s: float = 0,
    ) -> None:
        self._keep_entries, self._every_s, self._mode = keep_entries, every_s, ""
        self._redis, self._clock, self._emit = redis, clock, emit
        self._service, self._instance = service, instance
        self._began_at_ms, self._began = clock.now_ms(), clock.monotonic()
        self._count = 0
        self._away = False
        self._waiting: queue.Queue[Event | tuple[ProcessBeat, ...] | None] = queue.Queue(_MOST_WAITING)
        self._log = logs.get_logger("process", service=service)
        self._thread = threading.Thread(target=self._publish_all, name="announcer", daemon=True)
        self._thread.start()

    def start(self, mode: str, code_version: str, config: Mapping[str, Any]) -> None:
        """Announce that the process began, with its settings (redacted already)."""
        fields: dict[str, Any] = {"mode": mode, "code_version": code_version, "config": dict(config)}
        self._mode = mode
        self._tell(ServiceStart(**self._facts("SERVICE_START"), **fields))
        self._beat("starting", {})

    def health(
        self,
        detail: Mapping[str, Any],
        *,
        ready: bool,
        hangs: bool = False,
        parts: Mapping[str, State] | None = None,
    ) -> None:
        """Announce a heartbeat: of the process, and of each part that could run as one."""
        self._tell(ServiceHealth(**self._facts("SERVICE_HEALTH"), ready=ready, detail=dict(detail)))
        self._beat("hangs" if hangs else "up" if ready else "not ready", parts or {})

    def stop(
        self, reason: str, exit_code: int, snapshots: Mapping[str, Any], parts: Mapping[str, State] | None = None
    ) -> None:
        """Announce that the process ends, with each part's last word."""
        fields: dict[str, Any] = {"reason": reason, "exit_code": exit_code, "snapshots": dict(snapshots)}
        self._tell(ServiceStop(**self._facts("SERVICE_STOP"), **fields))
        ended: State = "failed" if exit_code else "stopped"
        self._beat(ended, dict.fromkeys(parts or {}, ended), reason)

    def close(self, seconds: float) -> None:
        """Give what is still waiting up to `seconds` to get out."""
        self._put(None)
        self._thread.join(seconds)

    def _beat(self, state: State, parts: Mapping[str, State], reason: str = "") -> None:
        """Say how we stand now; the server says when that was."""
        if not self._every_s:
            return
        up_s = round(self._clock.monotonic() - self._began, 3)
        host = socket.gethostname()
        whole = ProcessBeat(self._instance, self._service, host, self._mode, state, self._every_s, up_s, reason)
        at = f"@{process_address()}"
        each = (replace(whole, instance=name + at, service=name, state=said) for name, said in parts.items())
        self._put((whole, *each))

    def _facts(self, name: str) -> dict[str, Any]:
        self._count += 1
        return {
            "id": fact_id(name, self._service, self._instance, self._began_at_ms, self._count),
            "emitted_at_ms": self._clock.now_ms(),
            "service": self._service,
            "instance": self._instance,
        }

    def _tell(self, event: Event) -> None:
        if self._emit is not None and not isinstance(event, ServiceHealth):
            self._show(self._emit, event)
        self._put(event)

    def _show(self, emit: Emit, event: Event) -> None:
        try:
            emit(event)
        except OSError as error:
            self._log.warning("nobody_reads_events", announced=event.event, error=str(error))

    def _put(self, event: Event | tuple[ProcessBeat, ...] | None) -> None:
        while True:
            try:
                return self._waiting.put_nowait(event)
            except queue.Full:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        try:
            self._waiting.get_nowait()
        except queue.Empty:
            return

    def _publish_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            if self._redis is not None:
                self._publish(self._redis, event)

    def _note(self, redis: Redis, event: Event) -> None:
        """Note on the server that this program is of its pipeline; again later, as the server may be emptied."""
        if isinstance(event, ServiceStart):
            note_start(redis, self._service, self._mode, self._instance, self._began_at_ms)
        elif isinstance(event, ServiceHealth):
            note_running(redis, self._service, self._mode, self._instance, self._began_at_ms)

    def _publish(self, redis: Redis, event: Event | tuple[ProcessBeat, ...]) -> None:
        try:
            if isinstance(event, tuple):
                self._stamp(redis, event)
                return
            self._note(redis, event)
            publish_event(redis, SERVICE, event)
            if self._keep_entries is not None and isinstance(event, ServiceHealth):
                for stream in STREAMS:
                    trim_stream(redis, stream, self._keep_entries)
        except HybridError as error:
            if not self._away:
                self._log.warning("announcing_paused", error=str(error))
            self._away = True
        else:
            self._away = False

    @staticmethod
    def _stamp(redis: Redis, words: tuple[ProcessBeat, ...]) -> None:
        beats.write_beats(redis, words)
        if words[0].state == "starting":
            beats.forget_beats(redis)
