"""One push connection: mute and late feeds, patience, attempts."""

import pytest

from detector.domain.feed_liveness import FeedLiveness
from detector.sources.push_connection import BACKOFF
from shared.domain.errors import Unavailable
from shared.polymarket.wire.rtds import PING, SUBSCRIBE
from tests.detector.builders import NOW_MS, NOW_S, tx
from tests.detector.push import Rig, a_frame


def test_it_subscribes_and_pings_every_five_seconds() -> None:
    line = Rig().hear(*[None] * 55)

    assert line.sent == [SUBSCRIBE, PING, PING, PING]
    assert line.closed


@pytest.mark.pitfall(10)
def test_a_socket_that_answers_pings_and_is_mute_is_left_and_stays_in_trouble_until_data_comes() -> None:
    rig = Rig()

    rig.hear(a_frame(), *["", None] * 200)
    assert rig.lane.trouble == "mute"
    rig.hear(*[None] * 3)
    assert rig.lane.trouble == "mute"

    states: list[str] = []
    rig.hear(a_frame(), None, lambda: states.append(rig.lane.trouble))
    assert states == [""]


@pytest.mark.pitfall(10)
def test_a_socket_thirty_minutes_late_is_left_and_its_rows_still_count() -> None:
    rig = Rig()
    late = [a_frame(timestamp=NOW_S - 1800, transactionHash=tx(n)) for n in range(60)]

    rig.hear(*[step for frame in late for step in (frame, None)])

    assert rig.lane.trouble == "late"
    assert "rows are 18" in rig.lane.detail
    assert len(rig.taken().views) >= 40


@pytest.mark.pitfall(10)
def test_one_old_row_is_no_late_feed() -> None:
    rig = Rig()
    rows = [a_frame(timestamp=NOW_S - 1800), *[a_frame(transactionHash=tx(n)) for n in range(5)]]
    states: list[str] = []

    rig.hear(*rows, *[None] * 60, lambda: states.append(rig.lane.trouble))

    assert states == [""]


@pytest.mark.pitfall(14)
def test_a_clock_behind_the_venues_is_no_late_feed() -> None:
    pulse = FeedLiveness(20, 30, 10, now=0)

    for second in range(30):
        pulse.beat(second, age_s=-300)

    assert not pulse.is_late(30)


def test_a_verdict_that_repeats_is_given_ever_more_patience() -> None:
    assert [FeedLiveness(20, 30, 10, 0, troubles=n).is_mute(100) for n in range(4)] == [True, True, True, False]
    assert not FeedLiveness(20, 30, 10, 0, troubles=50).is_mute(159)
    assert FeedLiveness(20, 30, 10, 0, troubles=50).is_mute(160)


def test_attempts_are_spaced_ever_wider_by_chance_and_bounded() -> None:
    rig = Rig(draw=1.0)
    times: list[int] = []

    for _ in range(12):
        rig.lines.append(Unavailable("refused"))
        rig.lane.turn()
        times.append(rig.clock.now_ms())

    pauses = [later - earlier for earlier, later in zip([NOW_MS, *times], times, strict=False)]
    assert pauses[:4] == [1000, 2000, 4000, 8000]
    assert max(pauses) == BACKOFF.longest_s * 1000
    assert rig.lane.trouble == "closed"


def test_a_feed_that_accepts_and_closes_at_once_is_not_hammered() -> None:
    rig = Rig(draw=1.0)

    for _ in range(10):
        rig.hear(a_frame(), Unavailable("closed with 1013"))

    assert rig.lane.pause_s() == BACKOFF.longest_s


def test_a_connection_that_was_good_for_a_while_is_replaced_at_once() -> None:
    rig = Rig(draw=1.0)

    rig.hear(a_frame(), *[None] * 60, Unavailable("closed"))

    assert rig.lane.pause_s() == 0.5
