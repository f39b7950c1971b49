"""Signals as JSON lines: `python -m detector | python -m buyer --stdin`."""

import os
import select
import threading
from collections import deque
from typing import Any

from buyer.consumer import SignalConsumer
from buyer.sharding.shard_count import ShardCount
from shared.messages.base import fact_id
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry

WAIT_S = 0.25
_AT_ONCE = 1 << 16
_LONGEST_LINE = 1 << 20
"""Bytes after which what has no end of line is taken for one: it is buried like every other line that is no event."""


class PipeLines:
    """Lines of a file descriptor. Nobody ever holds the stream while he waits: a stop is heard, the process can end."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._begun = b""
        self._whole: deque[bytes] = deque()
        self._over = False

    def next_line(self, wait_s: float) -> str | None:
        """Return the next line, '' when none came within `wait_s`, None when the pipe has ended.

        Bytes that are no text must not end the buyer: they are replaced, and the line is judged like any other.
        """
        if not self._whole and not self._over:
            self._read(wait_s)
        if self._whole:
            return self._whole.popleft().decode("utf-8", "replace")
        return None if self._over else ""

    def _read(self, wait_s: float) -> None:
        try:
            if not select.select((self._number,), (), (), wait_s)[0]:
                return
            data = os.read(self._number, _AT_ONCE)
        except BlockingIOError:
            return
        except (OSError, ValueError):  # closed before we began: a pipe that has ended
            data = b""
        self._over = not data
        *whole, self._begun = (self._begun + data).split(b"\n")
        self._whole.extend(whole)
        if self._begun and (self._over or len(self._begun) > _LONGEST_LINE):
            self._whole.append(self._begun)
            self._begun = b""


class StdinConsumer:
    """Reads lines until the pipe ends or `stop` is set; what the pipe loses stays on the stream for a normal buyer.

    While a line is decided the next ones wait in the pipe, and then at the detector (`shared/process/outlet`).
    """

    name = "buyer"

    def __init__(
        self, lines: PipeLines, *, service: SignalConsumer, lease: Lease, layout: ShardCount | None = None
    ) -> None:
        self._lines, self._service, self._lease, self._layout = lines, service, lease, layout

    def run(self, stop: threading.Event) -> None:
        """Decide on every signal line, as on the entries of the stream.

        Raises:
            Fenced: another buyer took over. RefusedForSafety: others have split the signals into shards.
        """
        if self._layout is not None and not self._layout.claim(stop):
            return
        if not self._lease.acquire(stop):
            return
        with self._service.at_work(stop):
            while not stop.is_set():
                line = self._lines.next_line(self._service.rest_s(WAIT_S))
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


def _entry(line: str) -> StreamEntry:
    """Return a line as an entry, named by what it says."""
    return StreamEntry("stdin", fact_id("line", line)[:16], {"json": line.rstrip("\r")})
