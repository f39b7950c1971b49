"""A side stream: what is worth recording and nobody may wait for.

Offered on a fast path, which costs a place in a queue; written by a thread of its own; kept in the server for a minute
and within a number of bytes, long enough for a capture that reads along. What does not fit is dropped: an event's
`number` counts what its writer offered, so a gap in the numbers says how many are missing, wherever they were lost.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from redis import Redis

from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.messages.base import Event
from shared.messages.events import write_event
from shared.redis.client import answering

MOST_WAITING_BYTES = 16 << 20
MOST_KEPT_BYTES = 32 << 20
KEPT_MS = 60_000
LOOK_S = 0.2
RETRY_S = 1.0
AT_ONCE = 100


class _Offer(NamedTuple):
    number: int
    size: int
    make: Callable[[int], Event]


class _Kept(NamedTuple):
    entry_id: str
    size: int

    @property
    def at_ms(self) -> int:
        return int(self.entry_id.partition("-")[0])


class SideStream:
    """Writes what is offered, in order, and never holds up who offers it. The thread begins with the first offer."""

    def __init__(
        self,
        redis: Redis,
        stream: str,
        *,
        clock: Clock,
        stop: threading.Event,
        most_waiting: int = MOST_WAITING_BYTES,
        most_kept: int = MOST_KEPT_BYTES,
    ) -> None:
        self.stream = stream
        self.written = self.dropped = self._told = 0
        self._redis, self._clock, self._stop = redis, clock, stop
        self._most_waiting, self._most_kept = most_waiting, most_kept
        self._lock = threading.Lock()
        self._waiting: deque[_Offer] = deque()
        self._offered = self._waiting_bytes = self._kept_bytes = 0
        self._kept: deque[_Kept] = deque()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("side_stream", stream=stream)

    def offer(self, make: Callable[[int], Event], size: int) -> None:
        """Let `make` build an event of its number, later and elsewhere; drop it when too many bytes wait already."""
        with self._lock:
            self._offered += 1
            if self._waiting_bytes + size > self._most_waiting:
                self.dropped += 1
                return
            self._waiting.append(_Offer(self._offered, size, make))
            self._waiting_bytes += size
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._run, name=f"side-{self.stream}", daemon=True)
                self._thread.start()

    def write_out(self) -> int:
        """Write some of what waits, the oldest first; return how many. The thread's one step.

        Raises:
            Unavailable: the server did not take them, and they are dropped.
        """
        offers = self._take()
        if not offers:
            return 0
        try:
            rows = [(event.event, write_event(event)) for event in (offer.make(offer.number) for offer in offers)]
            with answering(self._redis), self._redis.pipeline(transaction=False) as pipe:
                for name, text in rows:
                    pipe.xadd(self.stream, {"event": name, "json": text})
                ids = [str(entry_id) for entry_id in pipe.execute()]
        except Exception:
            self._lose(len(offers))
            raise
        self.written += len(ids)
        self._trim([_Kept(entry_id, len(text)) for entry_id, (_, text) in zip(ids, rows, strict=True)])
        return len(ids)

    def _take(self) -> list[_Offer]:
        with self._lock:
            offers = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
            self._waiting_bytes -= sum(offer.size for offer in offers)
            return offers

    def _trim(self, new: list[_Kept]) -> None:
        """Leave what is young and fits; a reader that is further behind than that misses something."""
        if not new:
            return
        self._kept.extend(new)
        self._kept_bytes += sum(kept.size for kept in new)
        oldest_ms = new[-1].at_ms - KEPT_MS
        floor = f"{oldest_ms}-0"
        while self._kept[0].at_ms < oldest_ms:
            self._kept_bytes -= self._kept.popleft().size
        while self._kept_bytes > self._most_kept and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popleft().size
            floor = self._kept[0].entry_id
        with answering(self._redis):
            self._redis.xtrim(self.stream, minid=floor, approximate=False)

    def _lose(self, count: int) -> None:
        with self._lock:
            self.dropped += count

    def _run(self) -> None:
        while not self._stop.is_set():
            self._turn()
            self._clock.wait(self._stop, LOOK_S)
        self._turn()

    def _turn(self) -> None:
        """Write everything that waits; tell of what was lost."""
        try:
            while self.write_out():
                pass
        except Unavailable as error:
            self._log.warning("not_recorded", error=str(error))
            self._clock.wait(self._stop, RETRY_S)
        except Exception:  # noqa: BLE001 - a bug in one record must not end the recording (pitfall 29)
            self._log.exception("recording_crashed")
        if lost := self.dropped - self._told:
            self._told += lost
            _count(self.stream, lost)
            self._log.warning("records_dropped", count=lost)


def _count(stream: str, dropped: int) -> None:
    sentence = "What was to be recorded and was not, because its writer or the server was too slow."
    metrics.make_counter("records_dropped_total", sentence, "stream").labels(stream).inc(dropped)
