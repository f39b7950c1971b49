"""The venue's push feed as a source: about as fast as the chain, and never the only one (it has had hours of outage).

Two connections are open and subscribed at the same time, and what both bring counts once: when one closes, goes mute
or comes late, the other has taken over already. Equal rows of one transaction count once too
(`detector/sources/push_buffer`): alone, this source may show too few of a leader's equal fills, never too many.
There is no cursor: what was traded while both connections were away is for the other sources to bring.
"""

import threading
from collections.abc import Callable, Iterable

from detector.domain.source_port import Sink
from detector.leaders.watchlist import Watchlist
from detector.sources.push_buffer import PushBuffer
from detector.sources.push_connection import PushConnection, PushTimeouts
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.reconnecting_socket import FrameConnection

NAME = "rtds"
ALL = "all"
SLICE_S = 0.5
"""How long one poll listens before it reports how the connections are; nothing that arrives waits for its end."""
OPENING_S = 5.0
"""How long the first poll lets the connections open before it says that none is."""
JOIN_S = 0.6
_STOP_CHECK_S = 0.2


class RtdsSource:
    """Hand on what the connections put into the buffer, the moment it is there. Without leaders nothing is opened."""

    name = NAME
    scopes = (ALL,)
    every_s = 0.001

    def __init__(
        self,
        dial: Callable[[], FrameConnection],
        leaders: Watchlist | Iterable[str],
        *,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        sockets: int = 2,
        patience: PushTimeouts | None = None,
    ) -> None:
        self._leaders = Watchlist.of(leaders)
        self._wanted: tuple[int, frozenset[str]] = (-1, frozenset())
        self._clock, self._stop = clock, stop
        self._inbox = PushBuffer(NAME, clock)
        self._connections = [
            PushConnection(
                f"{NAME}-{number}",
                dial,
                self._inbox,
                self._is_ours,
                source=NAME,
                clock=clock,
                stop=stop,
                random=random,
                patience=patience or PushTimeouts(),
            )
            for number in range(1, sockets + 1)
        ]
        self._started = False
        self._dropped_said = 0
        self._log = logs.get_logger("detector", source=NAME)

    def poll(self, scope: str, sink: Sink) -> None:
        """Listen for a while; every row is handed on at once.

        Raises:
            Unavailable: no connection brings anything now; saying which is how.
        """
        del scope
        if not self._started and not self._leaders.addresses:
            self._clock.wait(self._stop, SLICE_S)
            return
        self._listen(self._start_connections(), sink)
        if self._stop.is_set():
            self._join_connections()
            return
        self._check_connections()

    def _is_ours(self, wallet: str) -> bool:
        """Say whether a wallet is a leader now; the feed carries everybody, so a new one needs no new question."""
        now, wanted = self._leaders.now, self._wanted
        if wanted[0] != now.version:
            wanted = self._wanted = (now.version, frozenset(now.addresses))
        return wallet in wanted[1]

    def _start_connections(self) -> float:
        """Start the connections once; return how long to listen now."""
        if self._started:
            return SLICE_S
        self._started = True
        for connection in self._connections:
            connection.start()
        return OPENING_S

    def _listen(self, seconds: float, sink: Sink) -> None:
        ends = self._clock.monotonic() + seconds
        while not self._stop.is_set() and (left := ends - self._clock.monotonic()) > 0:
            if batch := self._inbox.next_batch(min(left, _STOP_CHECK_S)):
                sink(batch)
            if seconds > SLICE_S and all(connection.trouble != "starting" for connection in self._connections):
                return

    def _check_connections(self) -> None:
        if self._inbox.dropped > self._dropped_said:
            self._log.error("views_dropped", count=self._inbox.dropped - self._dropped_said, why="they waited too long")
            self._dropped_said = self._inbox.dropped
        if all(connection.trouble for connection in self._connections):
            raise Unavailable(
                "; ".join(f"{connection.trouble}: {connection.detail}" for connection in self._connections)
            )

    def _join_connections(self) -> None:
        for connection in self._connections:
            connection.join(JOIN_S)
