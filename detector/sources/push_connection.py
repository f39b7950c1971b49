"""One push connection that is kept alive: opened, watched, left when it is mute or late, opened again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from detector.domain.feed_liveness import FeedLiveness
from detector.sources.push_buffer import PushBuffer
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Malformed, Unavailable
from shared.polymarket.wire.leader_fills import no_later
from shared.polymarket.wire.rtds import PING, PING_EVERY_S, SUBSCRIBE, PushedTrades, read_frame, read_pushed

TICK_S = 0.2
"""How long a quiet connection waits before it looks at the stop event and its pulse; a frame wakes it at once."""
FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 60.0
SETTLED_S = 1.0
"""A new connection that stays open for so long, or brings data, is no longer in trouble for having been closed."""
STEADY_S = 10.0
"""A connection that brought data for so long was a good one: the next attempt starts counting anew."""

Trouble = Literal["", "starting", "closed", "mute", "late"]


class FrameConnection(Protocol):
    """An open connection (`shared.websocket.Socket`)."""

    def send(self, text: str) -> None: ...  # noqa: D102 - a port's three words
    def receive(self, timeout_s: float) -> str | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


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


class PushConnection:
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
        self.name = name
        self.trouble: Trouble = "starting"
        self.detail = "no connection yet"
        self.opened = 0
        self._dial, self._inbox, self._is_ours, self._source = dial, inbox, is_ours, source
        self._clock, self._stop, self._random, self._patience = clock, stop, random, patience
        self._failures = 0
        self._bad_turns = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._log = logs.get_logger("detector", source=source, lane=name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end after `stop`."""
        self._thread.join(seconds)

    def pause_s(self) -> float:
        """Return how long to rest before the next attempt: doubling with each failure, and never in step."""
        return self._random() * min(MOST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures, 16))

    def turn(self) -> None:
        """Open a connection and listen until it ends, or we do; then rest."""
        pulse = FeedLiveness(0, 0, 0, self._clock.monotonic())
        try:
            line = self._dial()
            try:
                pulse = self._greet(line)
                self._listen(line, pulse)
            finally:
                line.close()
        except HybridError as error:
            self._lost(error, pulse)
            self._clock.wait(self._stop, self.pause_s())

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - a bug in one frame must not end the lane (pitfall 29)
                self._log.exception("lane_crashed")
                self._lost(Unavailable(f"crashed: {type(error).__name__}"), None)
                self._clock.wait(self._stop, MOST_PAUSE_S)

    def _greet(self, line: FrameConnection) -> FeedLiveness:
        line.send(SUBSCRIBE)
        self.opened += 1
        if self.trouble == "starting":
            self._well()
        self._log.info("lane_open", times=self.opened)
        limits = self._patience
        now = self._clock.monotonic()
        return FeedLiveness(limits.mute_s, limits.late_s, limits.late_for_s, now, self._bad_turns)

    def _listen(self, line: FrameConnection, pulse: FeedLiveness) -> None:
        ping_at = look_at = self._clock.monotonic()
        while not self._stop.is_set():
            frame = line.receive(TICK_S)
            if frame:
                self._hear(frame, pulse)
            now = self._clock.monotonic()
            if now >= look_at:
                self._judge(pulse, now)
                look_at = now + TICK_S
            if now >= ping_at:
                line.send(PING)
                ping_at = now + PING_EVERY_S

    def _hear(self, frame: str, pulse: FeedLiveness) -> None:
        seen_at_ms = self._clock.now_ms()
        try:
            pushed = read_frame(frame)
        except Malformed as error:
            _count("push_frames_unreadable_total", "Push frames that could not be read.", self._source)
            self._inbox.complain(str(error))
            return
        if pushed is None:
            return
        pulse.beat(self._clock.monotonic(), (seen_at_ms - pushed.traded_at_ms) / 1000)
        if self._is_ours(pushed.wallet):
            self._take(pushed, seen_at_ms)

    def _take(self, pushed: PushedTrades, seen_at_ms: int) -> None:
        reading = no_later(read_pushed([pushed.row], pushed.wallet), seen_at_ms)
        for problem in reading.problems:
            self._inbox.complain(problem)
        for fill in reading.fills:
            self._inbox.put(fill, seen_at_ms)

    def _judge(self, pulse: FeedLiveness, now: float) -> None:
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

    def _lost(self, error: HybridError, pulse: FeedLiveness | None) -> None:
        steady = pulse is not None and pulse.spoke and pulse.lasted_s(self._clock.monotonic()) >= STEADY_S
        self._failures = 0 if steady else self._failures + 1
        found = _named(error)
        self._bad_turns += found in {"mute", "late"}
        if found != "closed" or self.trouble not in {"mute", "late"}:
            self.trouble, self.detail = found, str(error)
        self._log.warning("lane_lost", trouble=found, error=str(error), failures=self._failures)
        _count("push_reconnects_total", "Push connections given up, by reason.", self._source, found)
        self._inbox.wake()


def _named(error: HybridError) -> Trouble:
    if isinstance(error, SilentFeed):
        return "mute"
    return "late" if isinstance(error, StaleFeed) else "closed"


def _count(name: str, sentence: str, source: str, reason: str = "") -> None:
    labels = {"source": source} | ({"reason": reason} if reason else {})
    metrics.make_counter(name, sentence, *labels).labels(**labels).inc()
