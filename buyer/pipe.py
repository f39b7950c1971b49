"""Signals as JSON lines: `python -m detector | python -m buyer --stdin`."""

import queue
import threading
from collections.abc import Iterable
from typing import Any

from buyer.layout import Layout
from buyer.service import BuyerService
from shared.events import fact_id
from shared.lease import Lease
from shared.streams import Entry

WAIT_S = 0.25


class PipeBuyer:
    """Reads lines until the pipe ends or `stop` is set; what the pipe loses stays on the stream for a normal buyer."""

    name = "buyer"

    def __init__(
        self, lines: Iterable[str], *, service: BuyerService, lease: Lease, layout: Layout | None = None
    ) -> None:
        self._lines, self._service, self._lease, self._layout = lines, service, lease, layout
        self._queue: queue.Queue[str | None] = queue.Queue(maxsize=10_000)

    def run(self, stop: threading.Event) -> None:
        """Decide on every signal line, as on the entries of the stream.

        Raises:
            Fenced: another buyer took over. RefusedForSafety: others have split the signals into shards.
        """
        if self._layout is not None and not self._layout.claim(stop):
            return
        if not self._lease.acquire(stop):
            return
        threading.Thread(target=self._read, name="stdin", daemon=True).start()
        while not stop.is_set():
            try:
                line = self._queue.get(timeout=self._service.rest_s(WAIT_S))
            except queue.Empty:
                line = ""
            if line is None:
                self._service.drain(stop)
                return
            self._service.work(stop, _entry(line) if line.strip() else None)

    def ready(self) -> bool:
        """Say whether this buyer is the active one, and may buy."""
        return bool(self._lease.token) and self._service.may_buy()

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far."""
        return self._service.snapshot()

    def _read(self) -> None:
        for line in self._lines:
            self._queue.put(line)
        self._queue.put(None)


def _entry(line: str) -> Entry:
    """Return a line as an entry, named by what it says."""
    return Entry("stdin", fact_id("line", line)[:16], {"json": line.rstrip("\n")})
