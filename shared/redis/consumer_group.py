"""Reading a stream as a group: what was left before, what is new, what a dead reader left."""

import threading
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.redis.client import answering
from shared.redis.own_line import own_line
from shared.redis.streams import StreamEntry, ensure_group, settled


class GroupReader:
    """One named consumer of one group.

    `entries(stop)` yields first what this name had pending before (a crash), then new entries, and every
    `take_over_every_s` what any consumer, ourselves included, left idle for `idle_ms`. Order is not promised after a
    crash. The caller acknowledges; what it does not acknowledge comes back.

    With `sole` the caller holds a lease on the group's work: whatever others left pending is ours at the start, however
    short they have been gone. With `mine` the group works on part of the stream: every other entry is acknowledged with
    the next read, for another group works on it. A group that is new begins where `heir_of` was done with
    everything, or at the beginning without such a group.
    """

    def __init__(
        self,
        redis: Redis,
        stream: str,
        group: str,
        consumer: str,
        *,
        clock: Clock,
        sole: bool = False,
        mine: Callable[[StreamEntry], bool] | None = None,
        heir_of: str = "",
        idle_ms: int = 30_000,
        take_over_every_s: float = 5.0,
        batch: int = 64,
        block_ms: int = 1000,
    ) -> None:
        self.stream, self.group, self.consumer = stream, group, consumer
        self.trimmed = 0
        self.emptied = False
        self._redis, self._clock, self._sole, self._mine = redis, clock, sole, mine
        self._line = own_line(redis)
        self._heir_of = "" if heir_of == group else heir_of
        self._idle_ms, self._every_s = idle_ms, take_over_every_s
        self._batch, self._block_ms = batch, block_ms
        self._next_take_over = clock.monotonic()
        self._recovered = False
        self._done: list[str] = []

    def read(self, longest_s: float | None = None) -> list[StreamEntry]:
        """Return the next entries; an empty list after `block_ms` without any, or `longest_s` where that is sooner.

        Raises:
            Unavailable: the server is away; call again later.
        """
        if not self._recovered:
            start = settled(self._redis, self.stream, self._heir_of) if self._heir_of else "0-0"
            ensure_group(self._redis, self.stream, self.group, start)
            return self._read_pending()
        if self._clock.monotonic() >= self._next_take_over:
            self._next_take_over = self._clock.monotonic() + self._every_s
            taken = self._take_over()
            if taken:
                return taken
        return self._read(">", self._block_ms if longest_s is None else min(self._block_ms, _whole_ms(longest_s)))

    def entries(self, stop: threading.Event, retry_s: float = 1.0) -> Iterator[StreamEntry]:
        """Yield entries until `stop` is set; a server that is away is asked again every `retry_s`."""
        while not stop.is_set():
            try:
                batch = self.read()
            except Unavailable:
                self._recovered = False
                self._clock.wait(stop, retry_s)
                continue
            for entry in batch:
                if stop.is_set():
                    return
                yield entry

    def recover(self) -> None:
        """Read our own pending entries again at the next read: something we took was not finished."""
        self._recovered = False

    def ack(self, *entry_ids: str) -> None:
        """Acknowledge these entries."""
        with answering(self._redis):
            self._redis.xack(self.stream, self.group, *entry_ids)

    def flush(self) -> None:
        """Acknowledge what would be with the next read: there is none any more."""
        if self._done:
            self.ack(*self._done)
            self._done.clear()

    def ack_soon(self, *entry_ids: str) -> None:
        """Acknowledge these entries with the next read, in its round trip."""
        self._done += entry_ids

    def _read_pending(self) -> list[StreamEntry]:
        """Read our own pending entries; when the server has none left, go on to new ones."""
        if self._sole:
            self._inherit()
        pending = self._read("0", None)
        self._recovered = True
        return pending

    def _read(self, position: str, block_ms: int | None) -> list[StreamEntry]:
        with answering(self._redis):
            try:
                *_, reply = self._line.ask_all([*self._acks(), self._command(position, block_ms)])
                if isinstance(reply, ResponseError):
                    raise reply
                self._done.clear()
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self.emptied = True
                self._recovered = False
                return []
        return [entry for rows in _rows_by_stream(reply) for entry in self._entries(rows)]

    def _command(self, position: str, block_ms: int | None) -> tuple[Any, ...]:
        who = ("XREADGROUP", "GROUP", self.group, self.consumer, "COUNT", self._count(position))
        return (*who, *(() if block_ms is None else ("BLOCK", block_ms)), "STREAMS", self.stream, position)

    def _acks(self) -> list[tuple[Any, ...]]:
        return [("XACK", self.stream, self.group, *self._done)] if self._done else []

    def _count(self, position: str) -> int:
        """Take the whole pending list at once at a start: it is read only once."""
        return 1_000_000 if position == "0" else self._batch

    def _inherit(self) -> None:
        """Make everything pending ours; the read of our own pending entries follows."""
        position = "0-0"
        while True:
            position, *_ = self._claim(0, position)
            if position == "0-0":
                return

    def _take_over(self) -> list[StreamEntry]:
        return self._entries(self._claim(self._idle_ms, "0-0")[1])

    def _claim(self, idle_ms: int, position: str) -> tuple[str, list[Any]]:
        """Claim a batch of what was idle for `idle_ms`, from `position` on; return where to go on, and the batch."""
        with answering(self._redis):
            try:
                reply = self._redis.xautoclaim(
                    self.stream, self.group, self.consumer, idle_ms, start_id=position, count=self._batch
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self.emptied = True
                self._recovered = False
                return "0-0", []
        self.trimmed += len(reply[2]) if len(reply) > 2 else 0  # noqa: PLR2004 - the third part lists trimmed ids
        return reply[0], reply[1]

    def _entries(self, rows: list[tuple[str, dict[str, str] | None]]) -> list[StreamEntry]:
        entries = [StreamEntry(self.stream, entry_id, fields or {}) for entry_id, fields in rows]
        if self._mine is None:
            return entries
        ours = [entry for entry in entries if self._mine(entry)]
        if len(ours) < len(entries):
            kept = {entry.id for entry in ours}
            self.ack_soon(*(entry.id for entry in entries if entry.id not in kept))
        return ours


def _whole_ms(seconds: float) -> int:
    """Return at least one millisecond: the server takes 0 for ever."""
    return max(1, ceil(seconds * 1000))


def _rows_by_stream(reply: Any) -> list[list[tuple[str, dict[str, str] | None]]]:  # noqa: ANN401 - RESP2 and RESP3 differ
    """Return the rows of each stream, whichever protocol answered."""
    streams: Any = cast("dict[str, Any]", reply).items() if isinstance(reply, dict) else reply or []
    return [[(name, _fields(words)) for name, words in rows] for _, rows in streams]


def _fields(words: list[str] | None) -> dict[str, str] | None:
    """Return an entry's fields; None of one that was trimmed under us."""
    return None if words is None else dict(zip(words[::2], words[1::2], strict=True))
