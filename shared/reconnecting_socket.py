"""A kept-alive socket: opened, greeted, pinged, watched, closed, and opened again after a back-off.

Every push feed is one of these. What a feed says first, what it makes of a frame and when it takes its connection for
dead is its own; that a connection always comes back, ever less often while it fails, is said here.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.clock import Clock
from shared.domain.backoff import WaitSchedule
from shared.domain.errors import HybridError, Unavailable


class FrameConnection(Protocol):
    """An open connection (`shared.websocket.PushSocket`)."""

    def send(self, text: str) -> None: ...  # noqa: D102 - a port's three words
    def receive(self, timeout_s: float) -> str | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class PingRule:
    """What keeps a connection open: `text`, sent `first_s` after it opened and every `every_s` from then on."""

    text: str
    every_s: float
    first_s: float = 0.0


class ReconnectingSocket(ABC):
    """One connection at a time, for one thread. Its owner steps through it, or lets a `SocketThread` do so.

    Args:
        name: How messages call it.
        dial: Opens a connection.
        ping: What keeps it open.
        backoff: How long to rest before the next attempt.
        clock: Time.
        watch_every_s: How often `_watch` looks at an open connection.
        random: Jitter, 0 to 1: many that lost the same peer do not come back in step.
        failures: What the first failure is counted on top of.
    """

    def __init__(
        self,
        name: str,
        dial: Callable[[], FrameConnection],
        *,
        ping: PingRule,
        backoff: WaitSchedule,
        clock: Clock,
        watch_every_s: float = 0.0,
        random: Callable[[], float] = lambda: 1.0,
        failures: int = 0,
    ) -> None:
        self.name = name
        self._dial, self._ping, self._backoff, self._clock = dial, ping, backoff, clock
        self._watch_every_s, self._random = watch_every_s, random
        self._failures = failures
        self._connection: FrameConnection | None = None
        self._open_since: float | None = None
        self._ping_at = self._watch_at = 0.0
        self._drop = ""

    @property
    def is_open(self) -> bool:
        """Say whether there is a connection."""
        return self._connection is not None

    def pause_s(self) -> float:
        """Return how long to rest before the next attempt: longer with each failure, and never in step."""
        return self._random() * self._backoff.wait_s(self._failures)

    def drop(self, why: str) -> None:
        """Give this connection up, soon, and open another; any thread may say so."""
        self._drop = why

    def open(self) -> None:
        """Open a connection and greet.

        Raises:
            HybridError: it was not opened; `lose` it.
        """
        self._drop = ""
        self._connection = self._dial()
        self._greet(self._connection)
        self._open_since = self._watch_at = self._clock.monotonic()
        self._ping_at = self._open_since + self._ping.first_s

    def step(self, timeout_s: float) -> str | None:
        """Ping when it is time, hear the next frame, look after the connection; return the frame.

        Raises:
            HybridError: the connection ended, or is given up; `lose` it.
        """
        connection = self._connected()
        # The time is taken before the wait: a frame that came while our own process stood still is heard before
        # anybody judges how long none came.
        now = self._clock.monotonic()
        if now >= self._ping_at:
            connection.send(self._ping.text)
            self._ping_at = now + self._ping.every_s
        frame = connection.receive(timeout_s)
        if frame is not None:
            self._hear(frame)
        if self._drop:
            raise Unavailable(f"{self.name}: given up: {self._drop}")
        if now >= self._watch_at:
            self._watch(connection, now)
            self._watch_at = now + self._watch_every_s
        return frame

    def lose(self, error: HybridError) -> None:
        """Close what failed, count it, and say so; a connection that was good for long enough is no failure."""
        since = self._open_since
        steady = since is not None and self._is_steady(self._clock.monotonic() - since)
        self.close()
        self._fail(error, steady=steady)

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection, self._open_since = self._connection, None, None
        if connection is not None:
            self._closed()
            connection.close()

    def _connected(self) -> FrameConnection:
        if self._connection is None:
            raise Unavailable(f"{self.name}: not open")
        return self._connection

    def _fail(self, error: HybridError, *, steady: bool = False) -> None:
        self._failures = 0 if steady else self._failures + 1
        self._lost(error)

    @abstractmethod
    def _greet(self, connection: FrameConnection) -> None:
        """Say on a new connection what we want of it."""

    @abstractmethod
    def _hear(self, frame: str) -> None:
        """Take in a frame, an answer to a ping too."""

    @abstractmethod
    def _watch(self, connection: FrameConnection, now: float) -> None:
        """Look after an open connection.

        Raises:
            HybridError: it is taken for dead.
        """

    @abstractmethod
    def _is_steady(self, lasted_s: float) -> bool:
        """Say whether a connection that ends now was a good one: the next attempt then starts counting anew."""

    @abstractmethod
    def _lost(self, error: HybridError) -> None:
        """Tell that a connection was given up, or could not be opened; it is closed already."""

    def _closed(self) -> None:  # noqa: B027 - not every feed has something to forget
        """Forget what held for this connection only, before it is closed."""


class SocketThread(ReconnectingSocket):
    """A socket that a thread of its own keeps open from `start` until `stop`."""

    def __init__(
        self,
        name: str,
        dial: Callable[[], FrameConnection],
        *,
        ping: PingRule,
        backoff: WaitSchedule,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        tick_s: float,
    ) -> None:
        super().__init__(name, dial, ping=ping, backoff=backoff, clock=clock, watch_every_s=tick_s, random=random)
        self._stop, self._tick_s = stop, tick_s
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end after `stop`."""
        self._thread.join(seconds)

    def turn(self) -> None:
        """Open a connection and keep it until it ends, or we do; then rest."""
        try:
            self.open()
            while self._is_wanted() and not self._stop.is_set():
                self.step(self._tick_s)
        except HybridError as error:
            self.lose(error)
            self._clock.wait(self._stop, self.pause_s())
        finally:
            self.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._is_wanted():
                self._clock.wait(self._stop, self._tick_s)
                continue
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - a bug in one frame must not end the feed (pitfall 29)
                self._clock.wait(self._stop, self._crashed(error))

    @abstractmethod
    def _crashed(self, error: Exception) -> float:
        """Tell of a bug of our own, which counts as a failure; return how long to rest."""

    def _is_wanted(self) -> bool:
        """Say whether a connection is wanted at all; nothing wanted, nothing open."""
        return True
