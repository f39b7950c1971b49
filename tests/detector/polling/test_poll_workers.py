"""Threads that poll a source: what failed is told as long as it is polled."""

import threading

import pytest

from detector.domain.source_port import Sink
from detector.monitoring.source_stats import SourceStats
from detector.polling.poll_workers import PollWorkers
from shared.clock import ManualClock
from shared.domain.errors import Unavailable

BOTH, GONE, PAST, NOBODY = ("lost", "kept"), ("kept",), ("lost",), tuple[str, ...]()
ENOUGH = 4
"""Looks at the list by which both threads of the past have seen that he is gone."""


class LosingSource:
    """Fails for a leader, and in his past, until he is unfollowed; then for the one who is left."""

    name, every_s = "data_api", 0.1

    def __init__(self, over: threading.Event) -> None:
        self._over, self._past_failed = over, threading.Event()
        self._looks = 0
        self._gone = False

    @property
    def scopes(self) -> tuple[str, ...]:
        return GONE if self._gone else BOTH

    @property
    def late_scopes(self) -> tuple[str, ...]:
        self._looks += self._gone
        return NOBODY if self._gone else PAST

    def poll(self, scope: str, sink: Sink) -> None:
        del sink
        if scope == "lost" and self._past_failed.is_set():
            self._gone = True
            raise Unavailable("his page is away")
        if scope == "kept" and self._looks > ENOUGH:
            self._over.set()

    def catch_up(self, scope: str, sink: Sink) -> None:
        del scope, sink
        self._past_failed.set()
        raise Unavailable("his past is away")


@pytest.mark.pitfall(29)
def test_the_failure_of_a_leader_who_is_followed_no_more_hides_no_later_one() -> None:
    clock, over = ManualClock(), threading.Event()
    stats = SourceStats(["data_api"], clock=clock)
    workers = PollWorkers(LosingSource(over), lambda _batch: None, stats, clock=clock, stop=over)

    workers.start()
    assert over.wait(10)
    assert workers.join(10)
    before = stats.statuses()[0].errors
    stats.count_failure("data_api", "kept", "something else")

    assert before >= 2
    assert stats.statuses()[0].last_error == "something else"
