"""The kept-alive socket of every push feed: greeted, pinged, watched, closed, opened again after a back-off."""

import threading

import pytest

from shared.clock import ManualClock
from shared.domain.backoff import Backoff
from shared.domain.errors import HybridError, Unavailable
from shared.reconnecting_socket import FrameConnection, PingRule, SocketThread
from tests.fake_line import FakeLine

TICK_S = 0.5


class Feed(SocketThread):
    """A feed of ten-second pings that writes down what it is told; its lines are given."""

    def __init__(self, *lines: FakeLine | Exception, clock: ManualClock | None = None) -> None:
        self.clock, self.stop = clock or ManualClock(), threading.Event()
        self.lines, self.told, self.wanted = list(lines), list[str](), True
        super().__init__(
            "a feed",
            self._next_line,
            ping=PingRule("PING", 10.0, first_s=10.0),
            backoff=Backoff(1.0, 8.0),
            clock=self.clock,
            stop=self.stop,
            random=lambda: 0.5,
            tick_s=TICK_S,
        )

    def run_until_stopped(self) -> None:
        self._run()

    def _next_line(self) -> FakeLine:
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        return line

    def _greet(self, connection: FrameConnection) -> None:
        connection.send("hello")

    def _hear(self, frame: str) -> None:
        if frame == "bug":
            raise ZeroDivisionError
        self.told.append(frame)

    def _watch(self, connection: FrameConnection, now: float) -> None:
        del connection, now
        self.told.append("watched")

    def _is_steady(self, lasted_s: float) -> bool:
        return lasted_s >= 5

    def _closed(self) -> None:
        self.told.append("closed")

    def _lost(self, error: HybridError) -> None:
        assert not self.is_open
        self.told.append(f"lost {self._failures}: {error}")

    def _crashed(self, error: Exception) -> float:
        self._fail(Unavailable(type(error).__name__))
        self.stop.set()
        return 0

    def _is_wanted(self) -> bool:
        return self.wanted


def test_it_greets_then_hears_and_watches_and_is_closed_before_it_is_called_lost() -> None:
    clock = ManualClock()
    line = FakeLine(clock, "one", "two", None, Unavailable("cut"))
    feed = Feed(line, clock=clock)

    feed.turn()

    assert line.sent == ["hello"]
    assert line.closed
    assert feed.told == ["one", "watched", "two", "closed", "lost 1: cut"]


def test_it_is_pinged_as_often_as_its_rule_says() -> None:
    clock = ManualClock()
    line = FakeLine(clock, *[None] * 51)

    Feed(line, clock=clock).turn()

    assert line.sent == ["hello", "PING", "PING"]


def test_it_is_watched_every_tick_however_many_frames_come() -> None:
    clock = ManualClock()
    feed = Feed(FakeLine(clock, *["frame"] * 9, None, "frame", None), clock=clock)

    feed.turn()

    assert feed.told.count("watched") == 2


def test_failures_wait_ever_longer_and_a_good_connection_counts_anew() -> None:
    clock = ManualClock()
    feed = Feed(*[Unavailable("away")] * 5, FakeLine(clock, *[None] * 10), clock=clock)
    pauses: list[float] = []

    for _ in range(6):
        began = clock.monotonic()
        feed.turn()
        pauses.append(clock.monotonic() - began)

    assert pauses[:5] == [1, 2, 4, 4, 4]
    assert pauses[5] == 10 * TICK_S + 0.5


def test_a_connection_that_never_opened_has_nothing_to_close() -> None:
    feed = Feed(Unavailable("away"))

    feed.turn()

    assert feed.told == ["lost 1: away"]


def test_a_slow_dial_is_no_good_connection() -> None:
    clock = ManualClock()
    feed = Feed(clock=clock)

    def hang() -> FakeLine:
        clock.advance(60)
        raise Unavailable("no connection")

    feed._dial = hang
    feed.turn()

    assert feed.told == ["lost 1: no connection"]


def test_a_refused_greeting_closes_what_was_opened() -> None:
    line = FakeLine(ManualClock())

    def refuse(text: str) -> None:
        raise Unavailable(f"no {text}")

    line.send = refuse
    feed = Feed(line)
    feed.turn()

    assert line.closed
    assert feed.told == ["closed", "lost 1: no hello"]


def test_it_is_given_up_before_the_next_frame_when_it_is_dropped() -> None:
    clock = ManualClock()
    feed = Feed(clock=clock)
    feed.lines += [FakeLine(clock, lambda: feed.drop("frozen"), "frame")]

    feed.turn()

    assert feed.told == ["closed", "lost 1: a feed: given up: frozen"]


def test_a_drop_before_the_next_opening_does_not_count_for_it() -> None:
    clock = ManualClock()
    feed = Feed(FakeLine(clock, "frame"), clock=clock)

    feed.drop("of the one before")
    feed.turn()

    assert feed.told[0] == "frame"


def test_nothing_wanted_is_no_failure_and_nothing_is_opened() -> None:
    feed = Feed()
    feed.wanted = False
    feed._clock = StopsWhenItWaits(feed.stop)

    feed.run_until_stopped()

    assert (feed.told, feed.pause_s()) == ([], 0.5)


class StopsWhenItWaits(ManualClock):
    """A clock that ends the test with the first wait."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self._stop = stop

    def wait(self, event: threading.Event, seconds: float) -> bool:
        del event, seconds
        self._stop.set()
        return True


@pytest.mark.pitfall(29)
def test_a_bug_in_one_frame_closes_the_line_counts_as_a_failure_and_ends_no_thread() -> None:
    line = FakeLine(ManualClock(), "bug")
    feed = Feed(line)

    feed.run_until_stopped()

    assert line.closed
    assert feed.told == ["closed", "lost 1: ZeroDivisionError"]


def test_a_stop_is_no_loss() -> None:
    clock = ManualClock()
    feed = Feed(clock=clock)
    feed.lines += [FakeLine(clock, feed.stop.set)]

    feed.turn()

    assert feed.told == ["watched", "closed"]
