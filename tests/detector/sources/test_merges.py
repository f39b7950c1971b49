"""A leader's merge: no trade and no price, but a position that ends; told once for each outcome."""

import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from detector.config import parse_args
from detector.domain.fill_view import FillView
from detector.domain.source_port import Batch
from detector.sources.data_api import NAME, DataApiActivitySource
from detector.sources.merge_outcomes import spread_outcomes
from shared.clock import ManualClock
from shared.domain.errors import Rejected, Unavailable
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.polymarket.data_api import activity_api
from shared.polymarket.wire.leader_fills import V1_NAMES, LeaderFill, read_activity
from shared.rate_limit.limits import GateLane
from simulator.scenario import wallet_log
from tests.amounts import D
from tests.detector.builders import CONDITION, LEADER, NOW_MS, NOW_S, TOKEN, TX, a_fill, a_row
from tests.detector.fakes import FakeCursors, FakeUpstream
from tests.detector.publishing.test_publish_loop import DetectorFixture
from tests.detector.sources.test_data_api import Feed

NO = "987"


class Market:
    """Knows one market's outcomes, unless it is away or never heard of it."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    def outcomes(self, condition_id: str, lane: GateLane = GateLane.FRESH) -> tuple[str, ...]:
        assert (condition_id, lane) == (CONDITION, GateLane.FRESH)
        if self.failure:
            raise self.failure
        return TOKEN, NO


def a_merge_row(**changes: Any) -> dict[str, Any]:
    """Build the row of 30 sets merged: no token, no side, no price."""
    bare = {"type": "MERGE", "token_id": "", "side": "", "outcome": "", "outcome_index": 999, "price": 0}
    return a_row(**{**bare, "size": 30, "usdc_size": 30, **changes})


def a_merge(shares: int = 30_000_000, **changes: Any) -> LeaderFill:
    return a_fill(shares, shares // 2, **{"side": "SELL", "cause": "MERGE", **changes})


def merged(*fills: LeaderFill, cursor: int = NOW_S) -> Batch:
    return Batch(NAME, (), {LEADER: cursor}, merges=(FillView(NAME, NOW_MS, fills),))


def told(detector: DetectorFixture) -> list[ActionableSignal]:
    events = [read_event(json.dumps(raw)) for raw in detector.stored()]
    return [event for event in events if isinstance(event, ActionableSignal)]


def polled(feed: Feed, market: Market, cursors: FakeCursors) -> FakeUpstream:
    upstream: Any = FakeUpstream(feed.v2)
    clock = ManualClock(NOW_MS + 10_000)
    api = activity_api("v2", upstream, clock, merges=True)
    source = DataApiActivitySource(
        api, (LEADER,), cursors, clock=clock, every_s=3, overlap_s=120, backfill_s=60, outcomes=market
    )
    source.poll(LEADER, cursors.sink)
    return upstream


def test_a_merge_row_is_read_only_where_it_is_wanted() -> None:
    wanted, unwanted = (read_activity([a_merge_row()], LEADER, merges=yes) for yes in (True, False))

    (fill,) = wanted.fills
    assert (fill.cause, fill.side, fill.token_id, fill.shares_micro) == ("MERGE", "SELL", "", 30_000_000)
    assert fill.hint.condition_id == CONDITION
    assert (unwanted.fills, unwanted.skipped) == ((), {"MERGE": 1})


def test_a_merge_that_names_no_market_is_a_named_problem() -> None:
    reading = read_activity([a_merge_row(condition_id="")], LEADER, merges=True)

    assert not reading.fills
    assert "names no market" in reading.problems[0]


def test_a_merge_ends_as_many_shares_of_each_outcome_and_splits_the_collateral() -> None:
    fills = read_activity([a_merge_row(usdc_size=Decimal("30.000001"))], LEADER, merges=True).fills

    found, problems = spread_outcomes(fills, Market())

    assert [(fill.token_id, fill.shares_micro, fill.usdc_micro) for fill in found] == [
        (TOKEN, 30_000_000, 15_000_001),
        (NO, 30_000_000, 15_000_000),
    ]
    assert [fill.hint.outcome_index for fill in found] == [0, 1]
    assert not problems


def test_a_merge_row_that_names_its_outcome_is_that_outcomes_only() -> None:
    (fill,) = read_activity([a_merge_row(token_id=NO)], LEADER, merges=True).fills

    assert spread_outcomes([fill], Market(Rejected("never asked", 404))) == ((fill,), ())


def test_the_same_requests_bring_merges_and_their_place_moves_the_cursor() -> None:
    cursors = FakeCursors()

    upstream = polled(Feed(a_row(), a_merge_row(timestamp=NOW_S + 5)), Market(), cursors)

    assert [asked["type"] for asked in upstream.asked] == ["TRADE,MERGE"] * 2
    first, second = cursors.batches
    assert [[fill.token_id for fill in view.fills] for view in (*first.views, *second.merges)] == [[TOKEN], [TOKEN, NO]]
    assert (first.cursors, first.rows, second.rows) == ({}, 2, 0)
    assert cursors.get(NAME, LEADER) == NOW_S + 5


def test_trades_go_on_while_a_merges_outcomes_cannot_be_asked_for_and_the_page_is_read_again() -> None:
    cursors = FakeCursors()

    with pytest.raises(Unavailable, match="gamma is away"):
        polled(Feed(a_row(), a_merge_row()), Market(Unavailable("gamma is away")), cursors)

    assert cursors.amounts == [100_000_000]
    assert cursors.get(NAME, LEADER) is None


def test_a_merge_in_a_market_nobody_knows_is_a_problem_that_stops_nothing() -> None:
    cursors = FakeCursors()

    polled(Feed(a_row(), a_merge_row()), Market(Rejected("no market", 404)), cursors)

    assert cursors.batches[-1].problems == (f"merge in {TX}: no market",)
    assert cursors.get(NAME, LEADER) == NOW_S


def test_a_merge_is_a_signal_without_a_price_and_no_other_source_is_compared_by_it() -> None:
    detector = DetectorFixture()

    detector.publisher.publish_batch(merged(a_merge(), a_merge(token_id=NO)))

    signals = told(detector)
    assert [(signal.cause, signal.side, signal.token_id) for signal in signals] == [
        ("MERGE", "SELL", TOKEN),
        ("MERGE", "SELL", NO),
    ]
    assert {(signal.shares, signal.usdc, signal.price) for signal in signals} == {(D(30), D(15), 0)}
    assert detector.emitted == signals
    assert detector.stats.signals == 2
    assert [status.seen_first for status in detector.stats.statuses()] == [0, 0]


def test_a_merge_read_again_by_this_life_or_the_next_is_not_told_again() -> None:
    detector = DetectorFixture()
    for one in (detector, detector, DetectorFixture(detector.redis)):
        one.publisher.publish_batch(merged(a_merge()))

    assert len(told(detector)) == 1


def test_a_merge_beside_a_sell_of_the_same_transaction_is_a_signal_of_its_own() -> None:
    detector = DetectorFixture()
    sell = a_fill(30_000_000, 15_000_000, side="SELL")

    detector.publisher.publish_batch(Batch(NAME, (FillView(NAME, NOW_MS, (sell,)),)))
    detector.publisher.publish_batch(merged(a_merge()))

    first, second = told(detector)
    assert first.id != second.id
    assert (first.price, second.price) == (D("0.5"), 0)


def test_a_merge_shown_whole_only_later_is_told_in_parts() -> None:
    detector = DetectorFixture()
    detector.publisher.publish_batch(merged(a_merge()))
    detector.publisher.publish_batch(merged(a_merge(), a_merge(10_000_000)))

    assert [(signal.part, signal.shares) for signal in told(detector)] == [(0, D(30)), (1, D(10))]


@pytest.mark.parametrize(
    ("words", "reads"),
    [
        ((), True),
        (("--no-merges",), False),
        (("--sources", "chain_logs"), False),
        (("--emit-rule", "confirmed"), True),
        (("--emit-rule", "confirmed", "--unconfirmed", "drop"), False),
    ],
)
def test_merges_are_read_unless_what_one_source_shows_is_not_wanted(words: tuple[str, ...], *, reads: bool) -> None:
    assert parse_args(["--tracked-wallets", LEADER, *words]).reads_merges is reads


@pytest.mark.slow
@pytest.mark.real_data
def test_every_merge_of_a_captured_log_is_read_with_its_amount(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "wallets" / "wallet_1.zip") as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()[:6000]
    path = tmp_path / "part.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = wallet_log.read(path)
    rows = [{name: json.loads(text, parse_float=Decimal) for name, text in row.items()} for row in texts]
    sizes = [row["size"] for row in rows if row["type"] == "MERGE"]

    reading = read_activity(rows, rows[0]["proxyWallet"], V1_NAMES, merges=True)

    found = [fill for fill in reading.fills if fill.cause == "MERGE"]
    assert len(sizes) > 50
    assert [Decimal(fill.shares_micro) / 1_000_000 for fill in found] == sizes
    assert not reading.problems
