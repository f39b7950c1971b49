"""A clock that is off from the venue's, and an account that may only close: what is held can still be sold."""

import threading
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest
from msgspec.structs import replace

from buyer.composition import build_buyer
from buyer.venue.polymarket.venue_time import VenueTime
from shared.domain.errors import Rejected
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from simulator import Settings, serve
from tests.buyer.venue.polymarket.live_floor import Floor, until

NOW_MS = 1_790_000_000_000


def told(second: int) -> dict[str, str]:
    """Return what an answer says of its time, that many seconds from ours."""
    return {"Date": formatdate(NOW_MS / 1000 + second, usegmt=True)}


@pytest.mark.pitfall(54)
@pytest.mark.parametrize(("second", "offset_s"), [(0, 0), (2, 0), (-2, 0), (120, 120), (-3600, -3600)])
def test_the_venues_time_is_taken_where_ours_is_off_by_more_than_a_slow_answer(second: int, offset_s: int) -> None:
    time = VenueTime()

    assert time.learn(told(second), NOW_MS) is bool(offset_s)
    assert abs(time.at(NOW_MS) - NOW_MS - offset_s * 1000) <= 500


def test_a_clock_that_was_set_right_is_believed_again() -> None:
    time = VenueTime()
    time.learn(told(120), NOW_MS)

    assert time.learn(told(0), NOW_MS)
    assert time.offset_ms == 0


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_an_answer_without_a_time_changes_nothing(headers: dict[str, str]) -> None:
    assert not VenueTime().learn(headers, NOW_MS)


@pytest.mark.pitfall(54)
def test_a_refused_request_is_signed_again_only_where_its_refusal_told_a_new_time() -> None:
    time, asked = VenueTime(), list[int]()

    def ask() -> str:
        asked.append(time.offset_ms)
        time.learn(told(120), NOW_MS)
        if len(asked) == 1:
            raise Rejected("401: Unauthorized/Invalid api key", 401)
        return "yes"

    assert time.signed(ask) == "yes"
    assert len(asked) == 2
    asked.clear()
    with pytest.raises(Rejected):
        time.signed(ask)


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path) -> Iterator[Floor]:
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = Floor(sim, valkey_url, tmp_path)
        found.fund()
        yield found


def settled(floor: Floor) -> bool:
    return bool(floor.lots()) and not RedisLedger(floor.redis, "live").records("orders")


@pytest.mark.server
@pytest.mark.simulator
@pytest.mark.pitfall(54)
def test_a_lot_is_sold_although_the_clock_went_off_by_two_minutes(floor: Floor) -> None:
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: settled(floor))
        floor.sim.fault("clock_skew", "clob", params={"seconds": 120})

        publish_event(floor.redis, SIGNALS, replace(floor.signal(2), side="SELL"))

        until(lambda: not floor.lots())


@pytest.mark.server
@pytest.mark.simulator
@pytest.mark.pitfall(54)
def test_a_start_by_a_skewed_clock_says_so_and_goes_on(floor: Floor) -> None:
    floor.sim.fault("clock_skew", "clob", params={"seconds": 120})

    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: settled(floor))


@pytest.mark.server
@pytest.mark.simulator
def test_an_account_that_may_only_close_meanwhile_sells_what_it_holds(floor: Floor) -> None:
    stop = threading.Event()
    built = build_buyer(floor.settings(), stop=stop, emit=floor.told.append)
    thread = threading.Thread(target=built.service.run, args=(stop,))
    thread.start()
    try:
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: settled(floor))
        floor.account.closed_only = True
        floor.offer(floor.tokens[2])
        publish_event(floor.redis, SIGNALS, floor.signal(2, floor.tokens[2]))
        until(lambda: any(one.outcome and one.outcome.state == "REJECTED" for one in floor.told))

        publish_event(floor.redis, SIGNALS, replace(floor.signal(3), side="SELL"))

        until(lambda: not floor.lots())
    finally:
        stop.set()
        thread.join(15)
        built.mode.close()
