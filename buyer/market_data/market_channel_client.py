"""One connection to the market channel, kept alive: opened, subscribed, watched, opened again."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Unavailable
from shared.polymarket.wire import market_channel as channel
from shared.polymarket.wire.market_channel import Message, UnreadableFrame

TICK_S = 0.1
"""How long a quiet connection waits before it looks for new wishes and its watchdog; a frame wakes it at once."""
FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 30.0
STEADY_S = 10.0
"""A connection that lasted so long was a good one: the next attempt starts counting anew."""


class FrameConnection(Protocol):
    """An open connection (`shared.websocket.Socket`)."""

    def send(self, text: str) -> None: ...  # noqa: D102 - a port's three words
    def receive(self, timeout_s: float) -> str | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class BookListener(Protocol):
    """Who keeps the books that a connection tells of."""

    def hear(self, messages: list[Message]) -> None:
        """Take in what arrived."""
        ...

    def lost(self, token_ids: Iterable[str]) -> None:
        """Trust nothing of these until they are told anew: a gap."""
        ...


class MarketChannelClient:
    """Keep one connection on its own thread, subscribed to what is wanted of it; nothing wanted, nothing open.

    What was subscribed is trusted by nobody from the moment the connection is given up, and again only from the
    snapshots that the next one brings.
    """

    def __init__(
        self,
        name: str,
        dial: Callable[[], FrameConnection],
        listener: BookListener,
        *,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
    ) -> None:
        self.name = name
        self.opened = 0
        self.up = False
        self._dial, self._listener = dial, listener
        self._clock, self._stop, self._random = clock, stop, random
        self._wanted: frozenset[str] = frozenset()
        self._again: frozenset[str] = frozenset()
        self._asked: set[str] = set()
        self._drop = ""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._log = logs.get_logger("market_socket", socket=name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def want(self, token_ids: Iterable[str]) -> None:
        """Subscribe to exactly these, soon."""
        self._wanted = frozenset(token_ids)

    def ask_again(self, token_ids: Iterable[str]) -> None:
        """Subscribe to these anew, soon: what was asked for did not come."""
        self._again = frozenset(token_ids)

    def drop(self, why: str) -> None:
        """Give this connection up, soon, and open another."""
        self._drop = why

    def pause_s(self) -> float:
        """Return how long to rest before the next attempt: doubling with each failure, and never in step."""
        return self._random() * min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures, 16))

    def turn(self) -> None:
        """Open a connection and listen until it ends, or we do; then rest."""
        began = self._clock.monotonic()
        self._drop = ""
        try:
            line = self._dial()
            try:
                self._listen(line)
            finally:
                self.up = False
                self._listener.lost(self._asked)
                self._asked.clear()
                line.close()
        except HybridError as error:
            self._lost(error, self._clock.monotonic() - began)

    def _run(self) -> None:
        while not self._stop.is_set():
            if not self._wanted:
                self._clock.wait(self._stop, TICK_S)
                continue
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - a bug in one frame must not end the feed (pitfall 29)
                self._log.exception("socket_crashed")
                self._lost(Unavailable(f"{self.name}: crashed: {type(error).__name__}"), 0)

    def _listen(self, line: FrameConnection) -> None:
        ping_at = pong_at = look_at = self._clock.monotonic()
        while self._wanted and not self._stop.is_set():
            now = self._clock.monotonic()
            if now >= look_at:
                self._subscribe(line)
                look_at = now + TICK_S
            if now >= ping_at:
                line.send(channel.PING)
                ping_at = now + channel.PING_EVERY_S
            if (frame := line.receive(TICK_S)) is not None:
                pong_at = now if frame == channel.PONG else pong_at
                self._hear(frame)
            if self._drop:
                raise Unavailable(f"{self.name}: given up: {self._drop}")
            if now - pong_at > channel.PONG_WITHIN_S:
                raise Unavailable(f"{self.name}: no answer to a ping for {channel.PONG_WITHIN_S:g} s")

    def _subscribe(self, line: FrameConnection) -> None:
        """Ask for what is newly wanted, a few at a time, and for what is not wanted no more."""
        wanted, again, self._again = self._wanted, self._again, frozenset()
        if gone := sorted((self._asked - wanted) | (self._asked & again)):
            line.send(channel.cancellation_frame(gone))
            self._asked.difference_update(gone)
        new = sorted(wanted - self._asked)
        for start in range(0, len(new), channel.TOKENS_AT_ONCE):
            some = new[start : start + channel.TOKENS_AT_ONCE]
            line.send(channel.subscription_frame(some) if self.up else channel.greeting_frame(some))
            self._asked.update(some)
            if not self.up:
                self.up, self.opened = True, self.opened + 1
                self._log.info("socket_open", times=self.opened)

    def _hear(self, frame: str) -> None:
        messages = channel.read_frame(frame)
        if messages:
            self._listener.hear([self._ours(message) for message in messages])

    def _ours(self, message: Message) -> Message:
        """Let what names no token concern all of this connection's."""
        if not isinstance(message, UnreadableFrame):
            return message
        self._log.warning("message_unreadable", problem=message.problem)
        return message if message.token_ids else replace(message, token_ids=tuple(self._asked))

    def _lost(self, error: HybridError, lasted_s: float) -> None:
        self._failures = 0 if lasted_s >= STEADY_S else self._failures + 1
        self._log.warning("socket_lost", error=str(error), failures=self._failures)
        metrics.make_counter("market_socket_losses_total", "Market channel connections given up.").inc()
        self._clock.wait(self._stop, self.pause_s())
