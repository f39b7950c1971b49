"""The push feed as a source, without sockets: its rows, whose they are, and what its buffer holds."""

import threading

import pytest

from detector.domain.source_port import Batch
from detector.leaders.watchlist import Watchlist
from detector.sources.push_buffer import PushBuffer
from detector.sources.push_connection import PushTimeouts
from detector.sources.rtds import ALL, RtdsSource
from shared.clock import ManualClock
from shared.domain.errors import Malformed, Rejected, Unavailable
from shared.polymarket.wire.rtds import read_frame, read_pushed
from tests.detector.builders import LEADER, NOW_MS, OTHER, a_fill, tx
from tests.detector.push import STRANGER, Rig, a_frame, a_payload
from tests.fake_line import FakeLine


def test_a_row_is_a_fill_with_its_collateral_and_market() -> None:
    (fill,) = read_pushed([a_payload(price=0.7400000012, size=5)], LEADER).fills

    assert (fill.shares_micro, fill.usdc_micro) == (5_000_000, 3_700_000)
    assert (fill.hint.outcome_index, fill.hint.slug) == (0, "rain")


@pytest.mark.pitfall(14)
def test_a_rows_time_is_an_estimate_that_says_so() -> None:
    (fill,) = read_pushed([a_payload()], LEADER).fills

    assert (fill.traded_at_ms, fill.exact_time) == (NOW_MS, False)


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


def test_transactions_that_wait_too_long_leave_oldest_first_and_are_counted() -> None:
    inbox = PushBuffer("rtds", ManualClock(NOW_MS), most=2)

    for number in range(5):
        inbox.put(a_fill(tx_hash=tx(number)), NOW_MS)

    batch = inbox.next_batch(0)
    assert batch is not None
    assert ([view.fills[0].tx_hash for view in batch.views], inbox.dropped) == ([tx(3), tx(4)], 3)


def test_s4_the_inbox_is_empty_once_it_is_taken() -> None:
    inbox = PushBuffer("rtds", ManualClock(NOW_MS))
    inbox.put(a_fill(), NOW_MS)

    assert (inbox.next_batch(0) is None, inbox.next_batch(0) is None) == (False, True)


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
