"""One push connection that is kept alive, and left when what it brings is mute or late."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from detector.domain.feed_liveness import FeedLiveness
from detector.sources.push_buffer import PushBuffer
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, Malformed, Unavailable
from shared.polymarket.wire.leader_fills import no_later
from shared.polymarket.wire.rtds import PING, PING_EVERY_S, SUBSCRIBE, PushedTrades, read_frame, read_pushed
from shared.reconnecting_socket import FrameConnection, PingRule, SocketThread

TICK_S = 0.2
"""How long a quiet connection waits before it looks at the stop event and its pulse; a frame wakes it at once."""
BACKOFF = Backoff(first_s=0.5, longest_s=60.0)
SETTLED_S = 1.0
"""A new connection that stays open for so long, or brings data, is no longer in trouble for having been closed."""
STEADY_S = 10.0
"""A connection that brought data for so long was a good one: the next attempt starts counting anew."""

Trouble = Literal["", "starting", "closed", "mute", "late"]


class SilentFeed(Unavailable):
    """The connection is open and brings nothing."""


class StaleFeed(Unavailable):
    """The connection brings what is long past."""


@dataclass(frozen=True)
class PushTimeouts:
    """When a connection counts as mute or late, in seconds."""

    mute_s: float = 20.0
    late_s: float = 30.0
    late_for_s: float = 10.0


class PushConnection(SocketThread):
    """Keep one connection open on its own thread; rows of leaders go to the inbox.

    `trouble` says what is wrong now. A mute or late lane stays in trouble until data, or fresh data, has come again:
    a new connection alone proves nothing.
    """

    def __init__(
        self,
        name: str,
        dial: Callable[[], FrameConnection],
        inbox: PushBuffer,
        is_ours: Callable[[str], bool],
        *,
        source: str,
        clock: Clock,
        stop: threading.Event,
        random: Callable[[], float],
        patience: PushTimeouts,
    ) -> None:
        # The first ping follows the subscription after a tick: the feed is asked for one thing at a time.
        ping = PingRule(PING, PING_EVERY_S, first_s=TICK_S)
        super().__init__(name, dial, ping=ping, backoff=BACKOFF, clock=clock, stop=stop, random=random, tick_s=TICK_S)
        self.trouble: Trouble = "starting"
        self.detail = "no connection yet"
        self.opened = 0
        self._inbox, self._is_ours, self._source, self._patience = inbox, is_ours, source, patience
        self._bad_turns = 0
        self._pulse = FeedLiveness(0, 0, 0, clock.monotonic())
        self._log = logs.get_logger("detector", source=source, lane=name)

    def _greet(self, connection: FrameConnection) -> None:
        connection.send(SUBSCRIBE)
        self.opened += 1
        if self.trouble == "starting":
            self._well()
        self._log.info("lane_open", times=self.opened)
        limits, now = self._patience, self._clock.monotonic()
        self._pulse = FeedLiveness(limits.mute_s, limits.late_s, limits.late_for_s, now, self._bad_turns)

    def _hear(self, frame: str) -> None:
        seen_at_ms = self._clock.now_ms()
        try:
            pushed = read_frame(frame)
        except Malformed as error:
            _count("push_frames_unreadable_total", "Push frames that could not be read.", self._source)
            self._inbox.complain(str(error))
            return
        if pushed is None:
            return
        self._pulse.beat(self._clock.monotonic(), (seen_at_ms - pushed.traded_at_ms) / 1000)
        if self._is_ours(pushed.wallet):
            self._take(pushed, seen_at_ms)

    def _take(self, pushed: PushedTrades, seen_at_ms: int) -> None:
        reading = no_later(read_pushed([pushed.row], pushed.wallet), seen_at_ms)
        for problem in reading.problems:
            self._inbox.complain(problem)
        for fill in reading.fills:
            self._inbox.put(fill, seen_at_ms)

    def _watch(self, connection: FrameConnection, now: float) -> None:
        del connection
        pulse = self._pulse
        if pulse.is_mute(now):
            raise SilentFeed(f"{self.name}: open, and no data for {self._patience.mute_s:g} s or more")
        if pulse.is_late(now):
            raise StaleFeed(f"{self.name}: rows are {pulse.age_s or 0:.0f} s old (or our clock is off)")
        proof = {
            "closed": pulse.spoke or pulse.lasted_s(now) >= SETTLED_S,
            "mute": pulse.spoke,
            "late": pulse.is_timely(),
        }
        if proof.get(self.trouble):
            self._well()

    def _well(self) -> None:
        if self.trouble in {"mute", "late"}:
            self._log.info("lane_recovered", was=self.trouble)
            self._bad_turns = 0
        self.trouble, self.detail = "", ""
        self._inbox.wake()

    def _is_steady(self, lasted_s: float) -> bool:
        return self._pulse.spoke and lasted_s >= STEADY_S

    def _lost(self, error: HybridError) -> None:
        found = _named(error)
        self._bad_turns += found in {"mute", "late"}
        if found != "closed" or self.trouble not in {"mute", "late"}:
            self.trouble, self.detail = found, str(error)
        self._log.warning("lane_lost", trouble=found, error=str(error), failures=self._failures)
        _count("push_reconnects_total", "Push connections given up, by reason.", self._source, found)
        self._inbox.wake()

    def _crashed(self, error: Exception) -> float:
        self._log.exception("lane_crashed")
        self._fail(Unavailable(f"crashed: {type(error).__name__}"))
        return BACKOFF.longest_s


def _named(error: HybridError) -> Trouble:
    if isinstance(error, SilentFeed):
        return "mute"
    return "late" if isinstance(error, StaleFeed) else "closed"


def _count(name: str, sentence: str, source: str, reason: str = "") -> None:
    labels = {"source": source} | ({"reason": reason} if reason else {})
    metrics.make_counter(name, sentence, *labels).labels(**labels).inc()
