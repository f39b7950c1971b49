"""Signals as JSON lines: `python -m detector | python -m buyer --stdin`."""

import queue
import threading
from collections.abc import Callable
from typing import IO, Any

from buyer.engine import Engine
from buyer.service import RETRY_S, BuyerService
from shared import logs
from shared.clock import Clock
from shared.errors import Malformed, TryAgain
from shared.events import ActionableSignal, HybridProgress, fact_id, read_event
from shared.lease import Lease
from shared.streams import Entry

WAIT_S = 0.25


class PipeBuyer:
    """Reads lines until the pipe ends or `stop` is set; what the pipe loses stays on the stream for a normal buyer."""

    name = "buyer"

    def __init__(
        self,
        lines: IO[str],
        *,
        service: BuyerService,
        engine: Engine,
        lease: Lease,
        deposit: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._lines, self._service, self._engine = lines, service, engine
        self._lease, self._deposit, self._clock = lease, deposit, clock
        self._queue: queue.Queue[str | None] = queue.Queue(maxsize=10_000)
        self._log = logs.get("buyer")

    def run(self, stop: threading.Event) -> None:
        """Decide on every signal line."""
        if not self._lease.acquire(stop):
            return
        self._deposit()
        threading.Thread(target=self._read, name="stdin", daemon=True).start()
        number = 0
        while not stop.is_set():
            self._lease.renew()
            try:
                line = self._queue.get(timeout=WAIT_S)
            except queue.Empty:
                continue
            if line is None:
                return
            number += 1
            self._take(line, number, stop)

    def ready(self) -> bool:
        """Say whether this buyer is the active one."""
        return bool(self._lease.token)

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far."""
        return self._service.snapshot()

    def _read(self) -> None:
        for line in self._lines:
            self._queue.put(line)
        self._queue.put(None)

    def _take(self, line: str, number: int, stop: threading.Event) -> None:
        if not line.strip():
            return
        try:
            event = read_event(line)
        except Malformed as error:
            self._log.error("line_unreadable", line=number, error=str(error))
            entry = Entry("stdin", fact_id("line", line)[:16], {"json": line.rstrip("\n")})
            reason = str(error)
            self._until_done(lambda: self._engine.bury(entry, reason), stop)
            return
        if isinstance(event, ActionableSignal):
            self._until_done(lambda: self._engine.handle(event), stop)
        elif isinstance(event, HybridProgress):
            self._service.warm(event)

    def _until_done(self, step: Callable[[], object], stop: threading.Event) -> None:
        """Repeat an idempotent step until Redis took it."""
        while not stop.is_set():
            try:
                step()
            except TryAgain as error:
                self._log.warning("waiting", error=str(error))
                self._clock.wait(stop, RETRY_S)
            else:
                return
