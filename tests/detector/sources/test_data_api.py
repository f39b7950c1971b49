"""The Data API as a source: whole seconds, overlaps, cursors that are missing or repeated."""

from typing import Any

import pytest

from detector.domain.page_walker import PageWalker
from detector.domain.source_port import Batch
from detector.monitoring.source_stats import SourceStats
from detector.sources.data_api import NAME, DataApiActivitySource
from shared.clock import ManualClock
from shared.domain.errors import Malformed, Rejected, Unavailable
from shared.polymarket.data_api import ActivityV1, ActivityV2
from tests.detector.builders import LEADER, NOW_MS, NOW_S, a_fill, a_row, tx
from tests.detector.fakes import FakeCursors, FakeUpstream

Row = dict[str, Any]


class Feed:
    """The venue's rows, served in pages as v2 or v1 does."""

    def __init__(self, *rows: Row, page: int = 3) -> None:
        self.rows = list(rows)
        self.page = page
        self.cursor_fault = ""
        self.border_repeats = 0

    def v2(self, asked: dict[str, Any]) -> Any:
        if asked["sort_direction"] == "DESC":
            return {"data": sorted(self.rows, key=_second)[-1:]}
        found = [row for row in self.rows if _second(row) >= asked["start"]]
        after = int(asked.get("cursor", "0").rpartition("-")[2] or 0)
        page = found[after : after + self.page]
        more = len(found) > after + self.page
        cursor = f"{asked['start']}-{after + self.page}"
        if self.cursor_fault == "repeated":
            cursor = asked.get("cursor", cursor)
        pagination = {"limit": self.page, "offset": 0, "has_more": more, "next_cursor": cursor if more else None}
        if self.cursor_fault == "missing":
            pagination.pop("next_cursor", None)
        return {"data": page, "pagination": pagination}

    def v1(self, asked: dict[str, Any]) -> Any:
        if asked["sortDirection"] == "DESC":
            return [_v1(row) for row in sorted(self.rows, key=_second)[-1:]]
        found = [_v1(row) for row in self.rows if _second(row) >= asked["start"]]
        offset = max(0, asked["offset"] - self.border_repeats) if asked["offset"] else 0
        return found[offset : offset + asked["limit"]]


def _second(row: Row) -> int:
    return int(row["timestamp"])


def _v1(row: Row) -> Row:
    renamed = {"proxy_wallet": "proxyWallet", "transaction_hash": "transactionHash", "usdc_size": "usdcSize"}
    return {renamed.get(name, name): value for name, value in (row | {"asset": row["token_id"]}).items()}


def a_source(
    feed: Feed, cursors: FakeCursors, version: str = "v2", **given: Any
) -> tuple[DataApiActivitySource, FakeUpstream]:
    clock = given.pop("clock", ManualClock(NOW_MS))
    upstream: Any = FakeUpstream(feed.v2 if version == "v2" else feed.v1)
    api = ActivityV2(upstream, clock) if version == "v2" else ActivityV1(upstream, clock, limit=feed.page)
    source = DataApiActivitySource(
        api, (LEADER,), cursors, clock=clock, every_s=3, overlap_s=120, backfill_s=60, **given
    )
    return source, upstream


def rows_of(*seconds: int) -> list[Row]:
    return [
        a_row(timestamp=NOW_S + second, transaction_hash=tx(place), size=place)
        for place, second in enumerate(seconds, 1)
    ]


@pytest.mark.pitfall(4)
@pytest.mark.parametrize("version", ["v2", "v1"])
@pytest.mark.parametrize("page", [2, 3, 5, 100])
def test_every_row_arrives_once_whatever_the_pages(version: str, page: int) -> None:
    cursors = FakeCursors()
    source, _ = a_source(Feed(*rows_of(0, 1, 1, 2, 2, 3, 4, 5), page=page), cursors, version)

    source.poll(LEADER, cursors.sink)

    assert cursors.amounts == [n * 1_000_000 for n in range(1, 9)]


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("version", ["v2", "v1"])
def test_identical_fills_cut_by_a_page_border_arrive_in_one_view(version: str) -> None:
    twins = [a_row(timestamp=NOW_S + 1, size=249)] * 2
    cursors = FakeCursors()
    source, _ = a_source(Feed(*rows_of(0, 0), *twins, *rows_of(2, 3), page=3), cursors, version)

    source.poll(LEADER, cursors.sink)

    views = [[fill.shares_micro for fill in view.fills] for batch in cursors.batches for view in batch.views]
    assert any(view.count(249_000_000) == 2 for view in views)


@pytest.mark.pitfall(4)
@pytest.mark.parametrize("fault", ["missing", "repeated"])
def test_a_cursor_that_is_missing_or_repeated_loses_nothing(fault: str) -> None:
    feed = Feed(*rows_of(0, 1, 1, 2, 3, 4, 5), page=3)
    feed.cursor_fault = fault
    cursors = FakeCursors()
    source, _ = a_source(feed, cursors)

    source.poll(LEADER, cursors.sink)

    assert sorted(set(cursors.amounts)) == [n * 1_000_000 for n in range(1, 8)]


@pytest.mark.pitfall(4)
def test_a_second_larger_than_a_page_without_a_cursor_is_an_error_that_names_the_leader() -> None:
    feed = Feed(*rows_of(0, 0, 0, 0, 0), page=3)
    feed.cursor_fault = "missing"
    cursors = FakeCursors()
    source, _ = a_source(feed, cursors)
    cursors.known[NAME, LEADER] = NOW_S + 120

    with pytest.raises(Unavailable, match=LEADER):
        source.poll(LEADER, cursors.sink)

    assert len(cursors.amounts) == 3


@pytest.mark.pitfall(4)
def test_v1_pages_inside_a_large_second_by_offset() -> None:
    cursors = FakeCursors()
    source, _ = a_source(Feed(*rows_of(0, 0, 0, 0, 0, 1), page=3), cursors, "v1")

    source.poll(LEADER, cursors.sink)

    assert sorted(set(cursors.amounts)) == [n * 1_000_000 for n in range(1, 7)]


@pytest.mark.pitfall(2)
def test_each_poll_begins_before_the_newest_known_trade() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Feed(*rows_of(0)), cursors)
    cursors.known[NAME, LEADER] = NOW_S

    source.poll(LEADER, cursors.sink)

    assert upstream.asked[0]["start"] == NOW_S - 120


@pytest.mark.pitfall(3)
def test_the_next_page_is_asked_for_only_after_the_first_is_published() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Feed(*rows_of(0, 1, 2, 3), page=2), cursors)
    asked_at: list[int] = []

    source.poll(LEADER, lambda batch: (asked_at.append(len(upstream.asked)), cursors.sink(batch))[1])

    assert asked_at == sorted(asked_at)
    assert len(set(asked_at)) == len(asked_at) == 2


def test_a_first_poll_begins_backfill_seconds_ago() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Feed(*rows_of(-300, 0)), cursors)

    source.poll(LEADER, cursors.sink)

    assert upstream.asked[-1]["start"] == NOW_S - 60


def test_a_leader_who_trades_for_the_first_time_while_we_are_down_is_not_missed() -> None:
    feed, cursors = Feed(), FakeCursors()
    source, _ = a_source(feed, cursors)
    source.poll(LEADER, cursors.sink)

    feed.rows += rows_of(600)
    later, _ = a_source(feed, cursors, clock=ManualClock(NOW_MS + 3_600_000))
    later.poll(LEADER, cursors.sink)

    assert cursors.amounts == [1_000_000]


@pytest.mark.pitfall(14)
def test_a_clock_that_is_ahead_of_the_venue_hides_no_trade() -> None:
    ahead = ManualClock(NOW_MS + 3_600_000)
    feed, cursors = Feed(*rows_of(-5)), FakeCursors()
    source, _ = a_source(feed, cursors, clock=ahead)
    source.poll(LEADER, cursors.sink)

    feed.rows += [a_row(timestamp=NOW_S + 2, size=77, transaction_hash=tx(77))]
    source.poll(LEADER, cursors.sink)

    assert cursors.amounts == [77_000_000]


@pytest.mark.pitfall(8)
@pytest.mark.parametrize("version", ["v2", "v1"])
def test_no_two_questions_are_the_same_to_a_cache(version: str) -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Feed(*rows_of(0)), cursors, version)

    for _ in range(3):
        source.poll(LEADER, cursors.sink)

    assert len({asked["_"] for asked in upstream.asked}) == len(upstream.asked)


@pytest.mark.pitfall(5)
def test_maker_fills_are_not_filtered_out() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Feed(*rows_of(0)), cursors)

    source.poll(LEADER, cursors.sink)

    assert {asked["path"] for asked in upstream.asked} == {"/v2/activity"}
    assert {asked["type"] for asked in upstream.asked} == {"TRADE"}


def test_a_wallet_that_is_refused_is_named() -> None:
    upstream: Any = FakeUpstream(lambda _: Rejected("400: user is a protocol contract", 400))
    source = DataApiActivitySource(
        ActivityV2(upstream, ManualClock(NOW_MS)),
        (LEADER,),
        FakeCursors(),
        clock=ManualClock(NOW_MS),
        every_s=3,
        overlap_s=120,
        backfill_s=60,
    )

    with pytest.raises(Rejected, match=f"leader {LEADER}.*protocol contract"):
        source.poll(LEADER, FakeCursors().sink)


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("answer", [[], None, {"data": 5}, {"data": [], "pagination": {"has_more": "yes"}}])
def test_an_answer_of_another_form_is_malformed(answer: Any) -> None:
    upstream: Any = FakeUpstream(lambda _: answer)
    api = ActivityV2(upstream, ManualClock(NOW_MS))

    with pytest.raises(Malformed):
        api.page(LEADER, 1, "", 3)  # type: ignore[arg-type]  # any lane


def test_rows_in_falling_order_are_refused_because_what_they_skip_would_be_lost() -> None:
    walk = PageWalker(1, exact_cursors=True)

    with pytest.raises(Malformed, match="oldest"):
        walk.add_page((a_fill(traded_at_ms=5000), a_fill(traded_at_ms=1000)), "", has_more=False)


@pytest.mark.pitfall(56)
def test_an_answer_out_of_a_cache_is_not_told_as_fresh() -> None:
    cursors, clock = FakeCursors(), ManualClock(NOW_MS)
    source, upstream = a_source(Feed(*rows_of(-5)), cursors, clock=clock)
    stats = SourceStats((NAME,), clock=clock)

    def sink(batch: Batch) -> None:
        stats.count_batch(batch)

    def seen(kept_ms: int) -> tuple[int | None, str]:
        upstream.kept_ms = kept_ms
        source.poll(LEADER, sink)
        stats.count_poll(NAME, LEADER, clock.now_ms())
        (status,) = stats.statuses()
        return status.stale_ms, status.last_error

    assert seen(90_000) == (90_000, "answers from a cache, 90 s old")
    assert seen(0) == (0, "")
