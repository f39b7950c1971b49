"""A side stream: who offers is never held up, what does not fit is dropped and missing in the numbers."""

import threading
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from shared.clock import ManualClock, SystemClock
from shared.domain.errors import Unavailable
from shared.messages.base import RAW
from shared.messages.events import read_event
from shared.messages.service import RawSeen
from shared.redis.side_stream import KEPT_MS, SideStream
from tests.waiting import PATIENCE_S
from tests.watched_server import Watched


class Away(fakeredis.FakeRedis):
    """A server that cannot be reached."""

    def pipeline(self, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        raise ConnectionLost("gone")


def a_record(number: int) -> RawSeen:
    return RawSeen(
        id="r", emitted_at_ms=1, writer="w", number=number, source="rtds", request="", status=0, body="x" * 100
    )


def a_side(redis: Redis, stop: threading.Event, **limits: int) -> SideStream:
    """Return one whose thread never begins: tests take its steps."""
    return SideStream(redis, RAW, clock=ManualClock(), stop=stop, **limits)


@pytest.fixture
def stopped() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def recorded(redis: Redis) -> list[RawSeen]:
    rows = cast("list[tuple[str, dict[str, str]]]", redis.xrange(RAW))
    return [cast("RawSeen", read_event(fields["json"])) for _, fields in rows]


def test_the_thread_that_offers_never_speaks_to_the_server() -> None:
    redis, stop = Watched(), threading.Event()
    side = SideStream(redis, RAW, clock=SystemClock(), stop=stop)

    for _ in range(250):
        side.offer(a_record, 100)
    while side.written < 250:
        stop.wait(0.01)
    stop.set()

    assert redis.threads
    assert threading.get_ident() not in redis.threads
    assert [seen.number for seen in recorded(redis)] == list(range(1, 251))


def test_a_server_that_hangs_holds_nobody_up_and_what_is_dropped_is_counted() -> None:
    redis, stop = Watched(), threading.Event()
    redis.free.clear()
    side = SideStream(redis, RAW, clock=SystemClock(), stop=stop, most_waiting=1_000)
    side.offer(a_record, 100)
    while not redis.threads:
        stop.wait(0.01)

    for _ in range(5_000):
        side.offer(a_record, 100)
    side_dropped = side.dropped
    redis.free.set()
    while side.written < 11:
        stop.wait(0.01)
    side.offer(a_record, 100)
    while side.written < 12:
        stop.wait(0.01)
    stop.set()

    assert side_dropped == 5_001 - 11
    assert [seen.number for seen in recorded(redis)] == [*range(1, 12), 5_002]


def test_what_waits_when_the_process_stops_is_still_written() -> None:
    redis, stop, clock = Watched(), threading.Event(), SystemClock()
    redis.free.clear()
    side = SideStream(redis, RAW, clock=clock, stop=stop)
    side.offer(a_record, 100)
    while not redis.threads:
        clock.wait(stop, 0.01)
    side.offer(a_record, 100)

    stop.set()
    redis.free.set()

    ends = clock.monotonic() + PATIENCE_S
    while side.written < 2 and clock.monotonic() < ends:
        clock.wait(threading.Event(), 0.01)
    assert [seen.number for seen in recorded(redis)] == [1, 2]


def test_a_server_that_is_away_costs_the_records_of_that_time_only(stopped: threading.Event) -> None:
    side = a_side(Away(), stopped)
    side.offer(a_record, 100)

    with pytest.raises(Unavailable):
        side.write_out()

    assert (side.written, side.dropped) == (0, 1)
    assert side.write_out() == 0


def test_what_stands_in_the_server_is_bounded_in_bytes(stopped: threading.Event) -> None:
    redis = fakeredis.FakeRedis(decode_responses=True)
    side = a_side(redis, stopped, most_kept=2_000)

    for _ in range(100):
        side.offer(a_record, 100)
        side.write_out()

    kept = recorded(redis)
    assert 1 < len(kept) < 10
    assert kept[-1].number == 100


def test_what_stands_in_the_server_is_bounded_in_time_also_of_an_earlier_life(stopped: threading.Event) -> None:
    redis = fakeredis.FakeRedis(decode_responses=True)
    now_ms = SystemClock().now_ms()
    for age_ms in (2 * KEPT_MS, KEPT_MS // 2):
        redis.xadd(RAW, {"event": "", "json": str(age_ms)}, id=f"{now_ms - age_ms}-0")
    side = a_side(redis, stopped)

    side.offer(a_record, 100)
    side.write_out()

    rows = cast("list[tuple[str, dict[str, str]]]", redis.xrange(RAW))
    assert [fields["json"] for _, fields in rows][:-1] == [str(KEPT_MS // 2)]
