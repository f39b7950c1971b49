"""The writes of the last minutes, to be made again on a server that went back in time and forgot some of them.

Each is safe to make again, in the order in which it was made first: a fact that is still known publishes nothing, one
that was forgotten is told again (pitfall 50). What is older than this memory was on disk long before.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from redis import Redis

from detector.publishing.packed_records import pack_records, publish_packed
from shared import logs, metrics
from shared.clock import Clock
from shared.messages.base import SERVICE, fact_id
from shared.messages.service import ServerWentBack
from shared.redis.server_memory import ServerMemory, StreamLoss
from shared.redis.streams import FactRecord, PublishedEntry, publish_event

KEPT_S = 300.0
MOST_KEPT = 10_000

Write = Callable[[], Sequence[PublishedEntry]]


class RecentWrites:
    """One detector's writes, and its memory of the server; any thread."""

    def __init__(self, clock: Clock, memory: ServerMemory | None = None) -> None:
        self.memory = memory or ServerMemory()
        self._clock, self._lock = clock, threading.Lock()
        self._kept: deque[tuple[float, Write]] = deque(maxlen=MOST_KEPT)
        self._standing: list[Write] = []
        self._log = logs.get_logger("detector")

    def remember(self, stream: str, answers: Sequence[PublishedEntry], write: Write) -> None:
        """Keep a write that was made; its `answers` name the entries that are on the stream now."""
        for answer in answers:
            if answer.state == "published":
                self.memory.note(stream, answer.value)
        now = self._clock.monotonic()
        with self._lock:
            self._kept.append((now, write))
            while self._kept[0][0] < now - KEPT_S:
                self._kept.popleft()

    def remember_records(self, redis: Redis, records: Sequence[FactRecord], answers: Sequence[PublishedEntry]) -> None:
        """Keep records of one stream that were published, in few bytes: there are thousands at a busy time."""
        self.remember(records[0].stream, answers, partial(publish_packed, redis, pack_records(records)))

    def stand(self, write: Write) -> None:
        """Make this one first at every loss, for as long as we run: it writes what holds now, however old it is."""
        self._standing.append(write)

    def tell_again(self, redis: Redis, make: Callable[[Write], Sequence[PublishedEntry]]) -> int:
        """Make all of them again where the server lost some, by `make`; return how many entries it had forgotten.

        Raises:
            What `make` raises.
        """
        losses = self.memory.take_losses()
        if not losses:
            return 0
        with self._lock:
            writes = [*self._standing, *(write for _, write in self._kept)]
        told = sum(answer.state == "published" for write in writes for answer in make(write))
        for loss in losses:
            make(lambda loss=loss: self._say(redis, loss, told))
        return told

    def _say(self, redis: Redis, loss: StreamLoss, told: int) -> tuple[PublishedEntry, ...]:
        now_ms = self._clock.now_ms()
        facts = {"seen": loss.seen, "found": loss.found, "lost_ms": loss.lost_ms, "told_again": told}
        self._log.error("server_went_back", stream=loss.stream, **facts)
        metrics.make_counter(
            "server_losses_total", "Times that the server went back, by what was lost.", "what"
        ).labels(loss.stream).inc()
        event = ServerWentBack(
            id=fact_id("went-back", "detector", loss.stream, loss.seen, loss.found, now_ms),
            emitted_at_ms=now_ms,
            service="detector",
            what=loss.stream,
            seen=loss.seen,
            found=loss.found,
            lost_ms=loss.lost_ms,
            told_again=told,
        )
        publish_event(redis, SERVICE, event)
        return ()
