"""The push feed as a source, without sockets: views, mute and late connections, attempts."""

import threading
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.domain.feed_liveness import FeedLiveness
from detector.domain.fill_view import View
from detector.domain.matcher import Matcher
from detector.leaders.watchlist import Watchlist
from detector.sources.port import Batch
from detector.sources.push_buffer import PushBuffer
from detector.sources.push_connection import BACKOFF, PushTimeouts
from detector.sources.rtds import ALL, RtdsSource
from shared.clock import ManualClock
from shared.domain.errors import Malformed, Rejected, Unavailable
from shared.polymarket.wire.rtds import PING, SUBSCRIBE, read_frame, read_pushed
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER, a_fill, a_view, tx
from tests.detector.push import STRANGER, Rig, a_frame, a_payload
from tests.fake_line import FakeLine


def signalled(matcher: Matcher, *views: View) -> list[int]:
    """Return the shares of the fills that these views bring out."""
    shares: list[int] = []
    for view in views:
        for draft in matcher.see(view).drafts:
            shares += [piece.shares for piece in draft.pieces]
            matcher.published(draft)
    return shares


def test_a_row_is_a_fill_with_its_collateral_and_market() -> None:
    (fill,) = read_pushed([a_payload(price=0.7400000012, size=5)], LEADER).fills

    assert (fill.shares_micro, fill.usdc_micro) == (5_000_000, 3_700_000)
    assert (fill.hint.outcome_index, fill.hint.slug) == (0, "rain")


@pytest.mark.pitfall(14)
def test_a_rows_time_is_an_estimate_that_says_so() -> None:
    (fill,) = read_pushed([a_payload()], LEADER).fills

    assert (fill.traded_at_ms, fill.exact_time) == (NOW_MS, False)


@pytest.mark.pitfall(14)
def test_an_estimated_time_yields_to_the_blocks_own_and_never_to_another_estimate() -> None:
    matcher = Matcher()
    matcher.see(View("rtds", NOW_MS, (a_fill(traded_at_ms=NOW_MS + 1000, exact_time=False),)))
    matcher.see(a_view(a_fill()))

    matcher.see(View("rtds", NOW_MS, (a_fill(traded_at_ms=NOW_MS + 1000, exact_time=False),)))
    (draft,) = matcher.see(a_view(a_fill(), a_fill(7))).drafts

    assert draft.traded_at_ms == NOW_MS


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("field", ["price", "size", "asset", "side", "transactionHash", "timestamp"])
def test_a_row_that_lacks_something_is_named(field: str) -> None:
    reading = read_pushed([a_payload(**{field: None})], LEADER)

    assert (reading.fills, len(reading.problems)) == ((), 1)


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("frame", ["{", "[]", '"x"', "NaN", '{"topic":"activity","type":"trades","payload":{}}'])
def test_a_frame_that_cannot_be_read_is_named(frame: str) -> None:
    with pytest.raises(Malformed):
        read_frame(frame)


@pytest.mark.parametrize(
    "frame", ["", '{"topic":"comments","type":"x"}', '{"topic":"activity","type":"orders_matched"}']
)
def test_a_pong_or_another_topic_is_no_trade(frame: str) -> None:
    assert read_frame(frame) is None


def test_a_refused_subscription_is_said_so() -> None:
    with pytest.raises(Rejected, match="Invalid request body"):
        read_frame('{"message":"Invalid request body","statusCode":400}')


@pytest.mark.pitfall(7)
def test_equal_rows_count_once_since_a_second_fill_looks_like_a_message_sent_twice() -> None:
    rig = Rig()

    rig.hear(a_frame(), a_frame())

    batch = rig.taken()
    assert [len(view.fills) for view in batch.views] == [1]
    assert batch.rows == 2


@pytest.mark.pitfall(7)
def test_the_second_of_two_equal_fills_is_left_to_a_source_that_can_count_and_becomes_a_supplement() -> None:
    rig, matcher = Rig(), Matcher()
    rig.hear(a_frame(), a_frame())

    found = signalled(matcher, *rig.taken().views)
    found += signalled(matcher, a_view(a_fill(), a_fill(), source="chain_logs"))
    rig.hear(a_frame(), a_frame())
    found += signalled(matcher, *rig.taken().views)

    assert found == [100_000_000, 100_000_000]


@pytest.mark.pitfall(7)
def test_rows_that_come_one_by_one_are_each_signalled_once() -> None:
    rig, matcher, found = Rig(), Matcher(), list[int]()

    def take() -> None:
        found.extend(signalled(matcher, *rig.taken().views))

    rig.hear(a_frame(), take, a_frame(size=9), take, a_frame(), take, a_frame(size=7), take)

    assert found == [100_000_000, 9_000_000, 7_000_000]


@pytest.mark.pitfall(1)
def test_rows_of_one_transaction_that_come_together_leave_together() -> None:
    rig = Rig()

    rig.hear(a_frame(), a_frame(size=7), a_frame(asset="77"), a_frame(side="SELL"), a_frame(transactionHash=tx(2)))

    assert [len(view.fills) for view in rig.taken().views] == [4, 1]


@pytest.mark.pitfall(11)
@pytest.mark.parametrize("quiet", [0, 15, 4000])
def test_rows_told_again_on_the_same_connection_are_counted_once_however_late(quiet: int) -> None:
    rig = Rig(PushTimeouts(mute_s=10_000))

    rig.hear(a_frame(), *[None] * quiet, a_frame())

    assert signalled(Matcher(), *rig.taken().views) == [100_000_000]


ROW = st.tuples(st.integers(1, 2), st.integers(1, 2))


@pytest.mark.pitfall(7)
@settings(max_examples=40, deadline=None)
@given(pushed=st.lists(st.lists(ROW, max_size=8), min_size=1, max_size=3), logs=st.lists(ROW, max_size=6))
def test_however_often_rows_are_pushed_push_alone_counts_each_once_and_the_chain_brings_the_rest(
    pushed: list[list[tuple[int, int]]], logs: list[tuple[int, int]]
) -> None:
    """Each list of `pushed` is taken from the inbox at once; the chain then shows all that was really traded."""
    matcher, out, inbox = Matcher(), Counter[tuple[str, int]](), PushBuffer("rtds", ManualClock(NOW_MS))

    def see(view: View) -> None:
        for draft in matcher.see(view).drafts:
            out.update((draft.key.tx_hash, piece.shares) for piece in draft.pieces)
            matcher.published(draft)

    for rows in pushed:
        for number, shares in rows:
            inbox.put(a_fill(shares * 1000, shares, tx_hash=tx(number)), NOW_MS)
        for view in (inbox.take(0) or Batch("rtds", ())).views:
            see(view)
    told = {(tx(number), shares * 1000) for rows in pushed for number, shares in rows}
    assert out == Counter(told)

    traded = Counter((tx(number), shares * 1000) for number, shares in logs) | Counter(told)
    see(a_view(*[a_fill(n, n // 1000, tx_hash=h) for h, n in traded.elements()], source="chain_logs"))
    assert out == traded


def test_only_rows_of_leaders_are_handed_on_and_a_new_leader_counts_at_once() -> None:
    rig = Rig()

    def follow() -> None:
        rig.leaders.watch((LEADER, OTHER))

    rig.hear(
        a_frame(proxyWallet=STRANGER),
        a_frame(proxyWallet=OTHER),
        follow,
        a_frame(proxyWallet="0x" + "B2" * 20, transactionHash=tx(2)),
    )

    batch = rig.taken()
    assert [fill.leader for view in batch.views for fill in view.fills] == [OTHER]
    assert batch.rows == 1


def test_what_cannot_be_read_is_counted_and_the_rest_goes_on() -> None:
    rig = Rig()

    rig.hear("{", a_frame(size="?"), a_frame())

    batch = rig.taken()
    assert (len(batch.views), len(batch.problems)) == (1, 2)


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


def test_transactions_that_wait_too_long_leave_oldest_first_and_are_counted() -> None:
    inbox = PushBuffer("rtds", ManualClock(NOW_MS), most=2)

    for number in range(5):
        inbox.put(a_fill(tx_hash=tx(number)), NOW_MS)

    batch = inbox.take(0)
    assert batch is not None
    assert ([view.fills[0].tx_hash for view in batch.views], inbox.dropped) == ([tx(3), tx(4)], 3)


def test_s4_the_inbox_is_empty_once_it_is_taken() -> None:
    inbox = PushBuffer("rtds", ManualClock(NOW_MS))
    inbox.put(a_fill(), NOW_MS)

    assert (inbox.take(0) is None, inbox.take(0) is None) == (False, True)


class Lines:
    """A feed of scripted lines, one for each lane, then refusals."""

    def __init__(self, clock: ManualClock, *lines: FakeLine) -> None:
        self.clock, self.lines, self.dialled = clock, list(lines), threading.Event()

    def dial(self) -> FakeLine:
        self.dialled.set()
        if not self.lines:
            raise Unavailable("no more lines")
        return self.lines.pop(0)


def a_source(lines: Lines, stop: threading.Event, *leaders: str) -> RtdsSource:
    return RtdsSource(
        lines.dial,
        Watchlist(leaders),
        clock=lines.clock,
        stop=stop,
        random=lambda: 1.0,
        sockets=1,
        patience=PushTimeouts(),
    )


def test_without_leaders_nothing_is_opened() -> None:
    clock, stop = ManualClock(NOW_MS), threading.Event()
    lines = Lines(clock)

    a_source(lines, stop).poll(ALL, lambda _batch: None)

    assert not lines.dialled.is_set()


def test_a_source_none_of_whose_connections_brings_anything_is_failing_and_says_why() -> None:
    clock, stop = ManualClock(NOW_MS), threading.Event()
    source, batches = a_source(Lines(clock), stop, LEADER), list[Batch]()

    with pytest.raises(Unavailable, match=r"closed: no more lines|starting"):
        source.poll(ALL, batches.append)
    stop.set()
    source.poll(ALL, batches.append)

    assert batches == []
