"""What a reorganisation removed and what it only moved; the retraction of signals."""

from typing import cast

import fakeredis
import pytest
from redis import Redis

from detector.domain.log_filters import LogRules
from detector.domain.matcher import FillKey
from detector.domain.reorg_watch import PlacedFill, ReorgWatch
from detector.domain.signal_builder import dedup_key, signal_id
from detector.publishing.retraction import Retraction
from detector.sources.chain_logs import ALL, ChainLogsSource
from shared.clock import ManualClock
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.service import HybridProgress
from shared.messages.signals import FillRetracted
from shared.polymarket.polygon import PolygonClient
from shared.redis.streams import publish_once
from tests.detector.builders import LEADER, NOW_MS, OTHER, TOKEN, TX, a_fill, a_log
from tests.detector.fakes import FakeCursors, FakeUpstream
from tests.detector.sources.test_chain_logs import Node

LEADERS = frozenset({LEADER, OTHER})
PLACED = PlacedFill(100, (a_fill(),))


def a_watch() -> ReorgWatch:
    return ReorgWatch(keep_blocks=20, confirmations=3)


@pytest.mark.pitfall(11)
def test_a_fill_that_stays_away_for_three_times_the_confirmations_is_gone() -> None:
    watch = a_watch()
    watch.update_blocks([PLACED], 90, 100, LEADERS)

    when: list[int] = []
    for head in range(101, 115):
        watch.update_blocks([], head - 19, head, LEADERS)
        when += [head] if watch.gone_fills(head) else []

    assert when[0] == 101 + 9


@pytest.mark.pitfall(11)
def test_a_fill_that_comes_back_in_another_block_is_not_gone() -> None:
    watch = a_watch()
    watch.update_blocks([PLACED], 90, 100, LEADERS)
    watch.update_blocks([], 90, 102, LEADERS)

    watch.update_blocks([PlacedFill(103, (a_fill(log_index=9),))], 90, 104, LEADERS)

    assert not any(
        watch.update_blocks([PlacedFill(103, (a_fill(),))], 90, head, LEADERS) or watch.gone_fills(head)
        for head in (110, 120)
    )


def test_a_fill_missing_once_is_told_once_and_one_reading_proves_nothing() -> None:
    watch = a_watch()
    watch.update_blocks([PLACED], 90, 100, LEADERS)

    assert watch.update_blocks([], 90, 101, LEADERS) == [PLACED]
    assert watch.gone_fills(111) == []
    assert watch.update_blocks([], 92, 111, LEADERS) == []
    assert watch.gone_fills(111) == [PLACED]


def test_a_reading_of_other_blocks_or_other_leaders_says_nothing_of_a_fill() -> None:
    watch = a_watch()
    watch.update_blocks([PLACED], 90, 100, LEADERS)

    assert watch.update_blocks([], 101, 119, LEADERS) == []
    assert watch.update_blocks([], 90, 119, {OTHER}) == []
    assert watch.gone_fills(119) == []


def test_a_fill_too_deep_to_be_read_again_is_watched_no_longer() -> None:
    watch = a_watch()
    watch.update_blocks([PLACED], 90, 100, LEADERS)
    watch.update_blocks([], 111, 130, LEADERS)

    assert watch.update_blocks([], 90, 131, LEADERS) == []


class Chain:
    """A node whose one fill vanishes, with a source and what it retracts."""

    def __init__(self) -> None:
        self.node = Node(10_000, a_log(blockNumber=hex(10_000)))
        self.node.eth_getTransactionReceipt = lambda _tx: self.receipt  # type: ignore[attr-defined]  # one more method
        self.receipt: dict[str, object] | None = None
        self.retracted: list[str] = []
        upstream = cast("PolygonClient", FakeUpstream(self.node.answer))
        self.cursors = FakeCursors()
        self.source = ChainLogsSource(
            PolygonClient(upstream),  # type: ignore[arg-type]  # a fake upstream
            (LEADER,),
            self.cursors,
            clock=ManualClock(NOW_MS),
            every_s=1,
            rules=LogRules(overlap=20, backfill_s=30),
            retract=self.retract,
        )
        self.source.poll(ALL, self.cursors.sink)

    def retract(self, placed: PlacedFill, source: str, reason: str) -> int:
        self.retracted.append(f"{placed.tx_hash} {source} {reason}")
        return 1

    def pass_without(self) -> None:
        self.node.logs.clear()
        for _ in range(14):
            self.node.head += 1
            self.source.poll(ALL, self.cursors.sink)


@pytest.mark.pitfall(11)
def test_what_vanished_from_the_logs_and_has_no_receipt_is_retracted_once() -> None:
    chain = Chain()

    chain.pass_without()

    assert len(chain.retracted) == 1
    assert "block 10000" in chain.retracted[0]


@pytest.mark.pitfall(11)
def test_what_a_node_hides_but_its_receipt_shows_is_not_retracted() -> None:
    chain = Chain()
    chain.receipt = {"logs": [a_log(blockNumber=hex(10_004))]}

    chain.pass_without()

    assert chain.retracted == []


@pytest.mark.parametrize("stored", ["2|100000000:52000000,5:3", None])
def test_each_part_that_was_signalled_is_retracted_once(stored: str | None) -> None:
    redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
    key = FillKey(LEADER, TX, TOKEN, "BUY")
    if stored:
        publish_once(redis, SIGNALS, a_report(), fact=dedup_key(key), value=stored)
    retract = Retraction(redis, ManualClock(NOW_MS))

    counts = [retract(PLACED, "chain_logs", "gone") for _ in range(2)]

    entries = cast("list[tuple[str, dict[str, str]]]", redis.xrange(SIGNALS))
    told = [read_event(fields["json"]) for _, fields in entries]
    events = [event for event in told if isinstance(event, FillRetracted)]
    assert [event.signal_id for event in events] == [signal_id(key, part) for part in range(2 if stored else 0)]
    assert counts == ([2, 2] if stored else [0, 0])


def a_report() -> HybridProgress:
    return HybridProgress(
        id="x",
        emitted_at_ms=NOW_MS,
        detector="d",
        runtime_ms=0,
        leaders=(),
        signals=0,
        sightings=0,
        repeats=0,
        sources=(),
    )
