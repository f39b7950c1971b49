"""No cursor passes our clock, whatever time a row, a log or an earlier life told."""

from typing import Any

import pytest

from detector.polling.cursors import CURSORS, CursorStore
from detector.sources.data_api import NAME
from shared.clock import ManualClock
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.rtds import read_frame, read_pushed
from shared.rate_limit.limits import GateLane
from shared.redis.client import connect_redis
from tests.detector.builders import LEADER, NOW_MS, NOW_S, a_log, a_row, tx
from tests.detector.fakes import FakeCursors, FakeUpstream
from tests.detector.push import Rig, a_frame, a_payload
from tests.detector.sources.subgraph_indexer import Indexer, a_subgraph, entities
from tests.detector.sources.test_data_api import Feed, a_source, rows_of

pytestmark = pytest.mark.pitfall(37)
ODD_TIMES = [(NOW_S + 2) * 1000, str((NOW_S + 2) * 1000), NOW_S + 3600, NOW_S + 20]


@pytest.mark.parametrize("version", ["v2", "v1"])
@pytest.mark.parametrize("odd", ODD_TIMES)
def test_trades_that_follow_a_row_with_an_odd_time_are_not_missed(odd: Any, version: str) -> None:
    cursors, clock = FakeCursors(), ManualClock(NOW_MS)
    feed = Feed(*rows_of(0, 1), a_row(timestamp=odd, transaction_hash=tx(90), size=90), page=100)
    source, _ = a_source(feed, cursors, version, clock=clock)
    source.poll(LEADER, cursors.sink)

    assert cursors.known[NAME, LEADER] <= NOW_S
    feed.rows = [*rows_of(0, 1, 10, 11, 12)]
    clock.advance(60)
    source.poll(LEADER, cursors.sink)

    assert {3_000_000, 4_000_000, 5_000_000} <= set(cursors.amounts)


@pytest.mark.parametrize("odd", ODD_TIMES)
def test_the_row_itself_is_a_fill_of_a_time_that_can_be(odd: Any) -> None:
    cursors = FakeCursors()
    source, _ = a_source(Feed(a_row(timestamp=odd), page=100), cursors)

    source.poll(LEADER, cursors.sink)

    (batch,) = cursors.batches
    (fill,) = batch.views[0].fills
    assert NOW_MS <= fill.traded_at_ms <= NOW_MS + 20_000
    assert bool(batch.problems) == (odd != NOW_S + 20)


def test_a_time_in_milliseconds_and_one_ahead_of_us_are_said() -> None:
    cursors = FakeCursors()
    rows = [a_row(timestamp=NOW_MS), a_row(timestamp=NOW_S + 3600, transaction_hash=tx(90))]
    source, _ = a_source(Feed(*reversed(rows), page=100), cursors)

    source.poll(LEADER, cursors.sink)

    millis, ahead = cursors.batches[0].problems
    assert "read as milliseconds" in millis
    assert str(NOW_MS) in millis
    assert ahead == f"timestamp {NOW_S + 3600} of {tx(90)} is ahead of our clock: taken as now"


def test_a_time_that_is_neither_seconds_nor_milliseconds_is_refused_with_its_row() -> None:
    cursors = FakeCursors()
    source, _ = a_source(Feed(a_row(timestamp=NOW_S * 1_000_000, size=77), *rows_of(1), page=100), cursors)

    source.poll(LEADER, cursors.sink)

    (problem,) = cursors.batches[0].problems
    assert "neither seconds nor milliseconds" in problem
    assert "77" in problem
    assert cursors.amounts == [1_000_000]


def test_the_newest_trade_is_told_in_seconds_however_it_was_sent() -> None:
    upstream: Any = FakeUpstream(Feed(a_row(timestamp=NOW_MS)).v2)

    assert ActivityV2(upstream, ManualClock(NOW_MS)).newest_s(LEADER, GateLane.FRESH) == NOW_S


@pytest.mark.parametrize(("stamp", "said"), [(NOW_MS, 0), (NOW_S * 1_000_000, 1)])
def test_a_logs_time_in_milliseconds_is_one_and_a_later_one_is_refused(stamp: int, said: int) -> None:
    reading = read_logs([a_log(blockTimestamp=hex(stamp))])

    assert [fill.traded_at_ms for fill in reading.fills] == [NOW_MS] * (1 - said)
    assert len(reading.problems) == said


@pytest.mark.parametrize("stamp", [NOW_S, NOW_MS])
def test_a_pushed_rows_time_is_read_by_the_same_reader(stamp: int) -> None:
    pushed = read_frame(a_frame(timestamp=stamp))
    reading = read_pushed([a_payload(timestamp=stamp)], LEADER)

    assert pushed is not None
    assert pushed.traded_at_ms == reading.fills[0].traded_at_ms == NOW_MS + 1000
    assert len(reading.problems) == (stamp == NOW_MS)


def test_a_pushed_row_far_ahead_of_us_is_taken_as_now() -> None:
    rig = Rig()
    rig.hear(a_frame(timestamp=NOW_S + 3600))

    batch = rig.inbox.next_batch(0)

    assert batch is not None
    (fill,) = batch.views[0].fills
    assert NOW_MS <= fill.traded_at_ms <= NOW_MS + 60_000
    assert "ahead of our clock" in batch.problems[0]


def test_an_indexer_ahead_of_us_takes_no_cursor_with_it() -> None:
    cursors = FakeCursors()
    indexer = Indexer(*entities(1), page=50)
    indexer.indexed_s = NOW_S + 9000
    source, _ = a_subgraph(indexer, cursors)

    source.poll("leaders-0", cursors.sink)

    assert cursors.known["subgraph", LEADER] == NOW_S + 60


@pytest.mark.server
def test_a_cursor_that_an_earlier_life_left_ahead_of_the_clock_is_none_and_is_set_anew(valkey_url: str) -> None:
    with connect_redis(valkey_url) as redis:
        redis.hset(CURSORS, f"data_api:{LEADER}", NOW_MS)
        redis.hset(CURSORS, f"chain_logs:{LEADER}", 96_000_000)
        clock = ManualClock(NOW_MS)
        store = CursorStore(redis, clock)
        store.load("data_api", (LEADER,))

        assert store.get("data_api", LEADER) is None
        assert store.get("chain_logs", LEADER) == 96_000_000
        store.advance("data_api", {LEADER: NOW_S - 7})

        fresh = CursorStore(redis, clock)
        assert fresh.get("data_api", LEADER) == NOW_S - 7
        fresh.advance("data_api", {LEADER: NOW_S - 9})
        assert CursorStore(redis, clock).get("data_api", LEADER) == NOW_S - 7
