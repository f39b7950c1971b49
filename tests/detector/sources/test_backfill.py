"""Catch-up: oldest first, beside fresh polls, over crashes, and never hidden by a horizon."""

import contextlib
import threading
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis

import shared.redis.streams
from detector.composition import build_publish_loop
from detector.domain.source_port import Batch
from detector.leaders.watchlist import Watchlist
from detector.monitoring.source_stats import SourceStats
from detector.polling.backfill_gaps import GAPS, BackfillGaps
from detector.polling.cursors import CursorStore
from detector.sources.backfill import Backfill
from detector.sources.data_api import DataApiActivitySource
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.messages.base import SIGNALS
from shared.polymarket.data_api import ActivityPage, ActivityV2
from shared.rate_limit.limits import GateLane
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER, a_fill, a_row, a_view, tx
from tests.detector.fakes import FakeUpstream
from tests.detector.test_service import settings

pytestmark = pytest.mark.slow

DAY_S = 86_400


class Feed(ActivityV2):
    """A feed over a list of rows; it remembers the lanes it was asked in."""

    def __init__(self, rows: list[dict[str, Any]], limit: int = 4) -> None:
        super().__init__(cast("Any", FakeUpstream(lambda _: {})), ManualClock(NOW_MS))
        self.rows, self.size = rows, limit
        self.asked: list[tuple[int, GateLane]] = []
        self.dies_after: int | None = None

    def page(self, user: str, start_s: int, cursor: str, lane: GateLane) -> ActivityPage:
        self.asked.append((start_s, lane))
        if self.dies_after is not None and len(self.asked) > self.dies_after:
            raise Unavailable("gone")
        mine = sorted((row for row in self.rows if row["proxy_wallet"] == user), key=lambda row: row["timestamp"])
        fitting = [row for row in mine if row["timestamp"] >= start_s]
        at = int(cursor or 0)
        more = len(fitting) > at + self.size
        return ActivityPage(
            fitting[at : at + self.size], has_more=more, next_cursor=str(at + self.size) if more else ""
        )

    def newest_s(self, user: str, lane: GateLane) -> int | None:
        del lane
        return max((row["timestamp"] for row in self.rows if row["proxy_wallet"] == user), default=None)


class DetectorFixture:
    """A source with its past and a publisher on one Redis; `again` is a new life of both."""

    def __init__(self, feed: Feed, redis: Redis | None = None) -> None:
        self.redis = redis or cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.feed, self.clock = feed, ManualClock(NOW_MS)
        self.cursors = CursorStore(self.redis)
        self.gaps = BackfillGaps(self.redis, "data_api", self.cursors)
        self.leaders = Watchlist((LEADER,))
        past = Backfill("data_api", self.leaders, self.cursors, self.gaps)
        given = {"clock": self.clock, "every_s": 1.0, "overlap_s": 120, "backfill_s": 120, "past": past}
        self.source = DataApiActivitySource(feed, self.leaders, self.cursors, **cast("Any", given))
        self.heard: list[str] = []
        stats = SourceStats(("data_api",), clock=self.clock, rules=settings().health_rules)
        stop = threading.Event()
        self.publisher = build_publish_loop(
            self.redis, stats, self.cursors, lambda s: self.heard.append(s.tx_hash), clock=self.clock, stop=stop
        )

    def again(self) -> "DetectorFixture":
        return DetectorFixture(self.feed, self.redis)

    def sink(self, batch: Batch) -> None:
        self.publisher.publish_batch(batch)

    def was_read_to(self, second: int) -> None:
        self.cursors.advance("data_api", {LEADER: second})

    def catch_up(self) -> None:
        while scopes := self.source.late_scopes:
            self.source.catch_up(scopes[0], self.sink)

    def published(self) -> list[str]:
        return [fields["json"].split('"tx_hash":"')[1][:66] for _, fields in cast("Any", self.redis.xrange(SIGNALS))]


def history(count: int = 40) -> list[dict[str, Any]]:
    """Build trades over the last two days, two in each of their seconds."""
    step = 2 * DAY_S // (count // 2)
    times = [NOW_S - 2 * DAY_S + (number // 2) * step + 1 for number in range(count)]
    return [a_row(transaction_hash=tx(number + 1), timestamp=at) for number, at in enumerate(times)]


def test_after_two_days_down_fresh_polls_go_on_from_now_and_the_past_comes_oldest_first() -> None:
    feed = Feed([*history(), a_row(transaction_hash=tx(100), timestamp=NOW_S - 2)])
    detector = DetectorFixture(feed)
    detector.was_read_to(NOW_S - 2 * DAY_S)

    detector.source.poll(LEADER, detector.sink)
    first = [lane for _, lane in feed.asked]
    feed.asked.clear()
    detector.source.poll(LEADER, detector.sink)
    fresh = len(feed.asked)
    seen_before_the_past = list(detector.heard)
    detector.catch_up()

    assert first == [GateLane.FRESH, GateLane.FRESH]
    assert fresh == 1
    assert tx(100) in seen_before_the_past
    assert {lane for _, lane in feed.asked[fresh:]} == {GateLane.CATCHUP}
    late = [place for place in detector.heard if place not in seen_before_the_past]
    assert late == sorted(late)
    assert sorted(detector.published()) == sorted(row["transaction_hash"] for row in feed.rows)
    assert not detector.redis.exists(GAPS, f"{SIGNALS}:pins:{LEADER}")


@pytest.mark.parametrize("pages", range(2, 14))
def test_a_crash_in_the_middle_of_catching_up_loses_and_doubles_nothing(pages: int) -> None:
    feed = Feed(history())
    detector = DetectorFixture(feed)
    detector.was_read_to(NOW_S - 2 * DAY_S)
    feed.dies_after = pages
    with contextlib.suppress(Unavailable):
        detector.source.poll(LEADER, detector.sink)
        detector.catch_up()

    feed.dies_after = None
    next_life = detector.again()
    next_life.source.poll(LEADER, next_life.sink)
    next_life.catch_up()

    assert sorted(next_life.published()) == sorted(row["transaction_hash"] for row in feed.rows)


@pytest.mark.parametrize("pinned", [True, False])
def test_s4_live_facts_that_are_forgotten_hide_no_row_of_an_unread_gap(
    pinned: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With room for 5 facts: ours is live, another leader pushes it out, then our past of two days is read."""
    monkeypatch.setattr(shared.redis.streams, "MOST_FACTS", 5)
    feed = Feed([*history(), a_row(transaction_hash=tx(100), timestamp=NOW_S - 2)])
    detector = DetectorFixture(feed)
    detector.was_read_to(NOW_S - 2 * DAY_S)
    detector.source.poll(LEADER, detector.sink)
    detector.source.poll(LEADER, detector.sink)
    if not pinned:
        detector.redis.delete(f"{SIGNALS}:pins:{LEADER}")

    crowd = [a_fill(leader=OTHER, tx_hash=tx(500 + n), traded_at_ms=NOW_MS + n * 1000) for n in range(20)]
    for fill in crowd:
        detector.sink(Batch("data_api", (a_view(fill),)))
    detector.catch_up()

    wanted = {row["transaction_hash"] for row in feed.rows}
    assert (wanted <= set(detector.published())) is pinned
    assert len(detector.published()) == len(set(detector.published()))
    assert detector.redis.zcard(f"{SIGNALS}:held:{LEADER}") == 0


def test_a_new_leader_is_read_in_the_catch_up_lane_and_fresh_afterwards() -> None:
    feed = Feed([a_row(timestamp=NOW_S - 30)])
    detector = DetectorFixture(feed)
    assert (detector.source.scopes, detector.source.late_scopes) == ((), (LEADER,))

    detector.source.catch_up(LEADER, detector.sink)

    assert {lane for _, lane in feed.asked} == {GateLane.CATCHUP}
    assert (detector.source.scopes, detector.source.late_scopes) == ((LEADER,), ())
