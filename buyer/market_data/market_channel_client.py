"""One connection to the market channel, kept alive: subscribed to what is wanted, trusted by nobody after a gap."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from shared import logs, metrics
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, Unavailable
from shared.polymarket.wire import market_channel as channel
from shared.polymarket.wire.market_channel import Message, UnreadableFrame
from shared.reconnecting_socket import FrameConnection, PingRule, SocketThread

TICK_S = 0.1
"""How long a quiet connection waits before it looks for new wishes and its watchdog; a frame wakes it at once."""
BACKOFF = Backoff(first_s=0.5, longest_s=30.0)
STEADY_S = 10.0
"""A connection that lasted so long was a good one: the next attempt starts counting anew."""


class BookListener(Protocol):
    """Who keeps the books that a connection tells of."""

    def hear(self, messages: list[Message]) -> None:
        """Take in what arrived."""
        ...

    def lost(self, token_ids: Iterable[str]) -> None:
        """Trust nothing of these until they are told anew: a gap."""
        ...


class MarketChannelClient(SocketThread):
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
        ping = PingRule(channel.PING, channel.PING_EVERY_S)
        super().__init__(name, dial, ping=ping, backoff=BACKOFF, clock=clock, stop=stop, random=random, tick_s=TICK_S)
        self.opened = 0
        self.up = False
        self._listener = listener
        self._wanted: frozenset[str] = frozenset()
        self._again: frozenset[str] = frozenset()
        self._asked: set[str] = set()
        self._pong_at = 0.0
        self._log = logs.get_logger("market_socket", socket=name)

    def want(self, token_ids: Iterable[str]) -> None:
        """Subscribe to exactly these, soon."""
        self._wanted = frozenset(token_ids)

    def ask_again(self, token_ids: Iterable[str]) -> None:
        """Subscribe to these anew, soon: what was asked for did not come."""
        self._again = frozenset(token_ids)

    def _is_wanted(self) -> bool:
        return bool(self._wanted)

    def _greet(self, connection: FrameConnection) -> None:
        self._pong_at = self._clock.monotonic()
        self._subscribe(connection)

    def _watch(self, connection: FrameConnection, now: float) -> None:
        if now - self._pong_at > channel.PONG_WITHIN_S:
            raise Unavailable(f"{self.name}: no answer to a ping for {channel.PONG_WITHIN_S:g} s")
        if self._wanted:  # else it is closed in a moment
            self._subscribe(connection)

    def _subscribe(self, connection: FrameConnection) -> None:
        """Ask for what is newly wanted, a few at a time, and for what is not wanted no more."""
        wanted, again, self._again = self._wanted, self._again, frozenset()
        if gone := sorted((self._asked - wanted) | (self._asked & again)):
            connection.send(channel.cancellation_frame(gone))
            self._asked.difference_update(gone)
        new = sorted(wanted - self._asked)
        for start in range(0, len(new), channel.TOKENS_AT_ONCE):
            some = new[start : start + channel.TOKENS_AT_ONCE]
            connection.send(channel.subscription_frame(some) if self.up else channel.greeting_frame(some))
            self._asked.update(some)
            if not self.up:
                self.up, self.opened = True, self.opened + 1
                self._log.info("socket_open", times=self.opened)

    def _hear(self, frame: str) -> None:
        if frame == channel.PONG:
            self._pong_at = self._clock.monotonic()
        messages = channel.read_frame(frame)
        if messages:
            self._listener.hear([self._ours(message) for message in messages])

    def _ours(self, message: Message) -> Message:
        """Let what names no token concern all of this connection's."""
        if not isinstance(message, UnreadableFrame):
            return message
        self._log.warning("message_unreadable", problem=message.problem)
        return message if message.token_ids else replace(message, token_ids=tuple(self._asked))

    def _closed(self) -> None:
        self.up = False
        self._listener.lost(self._asked)
        self._asked.clear()

    def _is_steady(self, lasted_s: float) -> bool:
        return lasted_s >= STEADY_S

    def _lost(self, error: HybridError) -> None:
        self._log.warning("socket_lost", error=str(error), failures=self._failures)
        metrics.make_counter("market_socket_losses_total", "Market channel connections given up.").inc()

    def _crashed(self, error: Exception) -> float:
        self._log.exception("socket_crashed")
        self._fail(Unavailable(f"{self.name}: crashed: {type(error).__name__}"))
        return self.pause_s()
