"""Threads that poll: who has nothing to poll rests."""

import threading
from itertools import count

import pytest

from detector.domain.poll_schedule import IDLE_S, PollPace, PollSchedule
from detector.polling.poll_rounds import PollOutcome, PollRound
from shared.clock import ManualClock


def nobody_asks(_scope: str) -> None:
    """Hear of a scope that is polled no more."""


class Naps(ManualClock):
    """A clock that keeps how long threads rested, and sets `over` after `most` rests."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.over, self.slept = threading.Event(), list[float]()
        self._most = most

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.slept.append(seconds)
        if len(self.slept) >= self._most:
            self.over.set()
        return super().wait(event, seconds)


def ran(clock: Naps, scopes: tuple[str, ...], *, workers: int, poll_rests: bool = False) -> Naps:
    def poll(_: str) -> PollOutcome:
        if poll_rests:
            clock.over.wait(10)
        return PollOutcome()

    late = PollRound(
        "past", lambda: scopes, poll, nobody_asks, PollPace(0.001), clock=clock, stop=clock.over, workers=workers
    )
    for thread in late.threads:
        thread.start()
    for thread in late.threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in late.threads)
    return clock


@pytest.mark.parametrize("workers", [1, 2])
def test_threads_with_nobody_to_poll_do_not_spin(workers: int) -> None:
    clock = ran(Naps(20), (), workers=workers)

    assert min(clock.slept) >= IDLE_S


def test_a_thread_whose_fellow_is_at_work_on_the_only_scope_does_not_spin() -> None:
    clock = ran(Naps(20), ("leader",), workers=2, poll_rests=True)

    assert min(clock.slept) >= IDLE_S


@pytest.mark.parametrize("every_s", [0.001, 0.1, 1.0, 5.0])
def test_without_anybody_due_a_schedule_says_how_long_nothing_can_be(every_s: float) -> None:
    schedule = PollSchedule((), PollPace(every_s), now=0)

    waits = [schedule.wait_s(now) for now in range(3)]

    assert waits == [max(every_s, IDLE_S)] * 3


def test_a_scope_that_comes_is_polled_at_the_next_look() -> None:
    clock, polled = Naps(10_000), list[str]()
    arrives = count()

    def poll(scope: str) -> PollOutcome:
        polled.append(scope)
        clock.over.set()
        return PollOutcome()

    def scopes() -> tuple[str, ...]:
        return ("leader",) if next(arrives) >= 3 else ()

    late = PollRound("past", scopes, poll, nobody_asks, PollPace(0.001), clock=clock, stop=clock.over)
    late.threads[0].start()
    late.threads[0].join(10)

    assert polled == ["leader"]
    assert sum(clock.slept) <= 4 * IDLE_S


def test_a_scope_that_goes_is_forgotten_after_its_last_poll() -> None:
    clock, heard = Naps(10_000), list[str]()
    listed: list[tuple[str, ...]] = [("leader", "other")]

    def poll(scope: str) -> PollOutcome:
        heard.append(f"polled {scope}")
        listed[:] = [("other",)]
        if heard.count("polled other") > 3:
            clock.over.set()
        return PollOutcome()

    def forget(scope: str) -> None:
        heard.append(f"forgot {scope}")

    fresh = PollRound("fresh", lambda: listed[0], poll, forget, PollPace(0.2), clock=clock, stop=clock.over)
    fresh.threads[0].start()
    fresh.threads[0].join(10)

    last = max(place for place, what in enumerate(heard) if what == "polled leader")
    assert "forgot leader" in heard[last:]
    assert "forgot other" not in heard
