"""What only the venue told and no block holds is taken back; what nobody can tell is not (pitfall 48)."""

from typing import Any, cast

import pytest
from redis import Redis

from detector.domain.signal_draft import FillKey
from detector.publishing.mined_check import AGAIN_MS, MinedCheck
from detector.publishing.retraction import Retraction
from detector.publishing.unmined_signals import UnminedSignals
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.messages.signals import FillRetracted
from shared.polymarket.polygon import PolygonClient
from tests.detector.builders import LEADER, NOW_MS, a_log, tx
from tests.detector.fakes import FakeUpstream
from tests.detector.publishing.detector_fixture import DetectorFixture
from tests.detector.publishing.test_corroborated_fills import CORROBORATED

WITHIN_S = 120
HEAD = 10_000

pytestmark = pytest.mark.pitfall(48)


class Watched:
    """A detector whose signals a node is asked for."""

    def __init__(self, redis: Redis | None = None, clock: ManualClock | None = None) -> None:
        self.unmined = UnminedSignals(WITHIN_S * 1000)
        self.detector = DetectorFixture(CORROBORATED, redis, clock, unmined=self.unmined)
        self.clock, self.redis = self.detector.clock, self.detector.redis
        self.receipt: dict[str, Any] | None = None
        self.head_at_ms: int | None = None
        self.asked, self.away = 0, False
        self.told: list[FillRetracted] = []
        retract = Retraction(self.redis, self.clock)
        retract.announce = self.told.append
        polygon = PolygonClient(cast("Any", FakeUpstream(self.answer)))
        self.check = MinedCheck(self.redis, polygon, self.unmined, retract, self.clock)
        self.check(HEAD)

    def answer(self, asked: dict[str, Any]) -> Any:
        if self.away:
            return {"error": {"code": -32000, "message": "away"}}
        if asked["method"] == "eth_getTransactionReceipt":
            self.asked += 1
            return {"result": self.receipt}
        at_ms = self.clock.now_ms() if self.head_at_ms is None else self.head_at_ms
        return {"result": {"timestamp": hex(at_ms // 1000)}}

    def pass_time(self, seconds: float = WITHIN_S + AGAIN_MS / 1000) -> None:
        """Let time pass, with a look every ten seconds."""
        for _ in range(int(seconds // 10) + 1):
            self.check(HEAD)
            self.clock.advance(10)

    @property
    def retracted(self) -> list[dict[str, Any]]:
        return self.detector.events("hs:signals", "FILL_RETRACTED")


def test_a_trade_that_no_block_holds_is_retracted_once_and_told() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)

    watched.pass_time(WITHIN_S - 10)
    assert watched.asked == 0
    watched.pass_time(2 * WITHIN_S)

    (event,) = watched.retracted
    assert (event["signal_id"], event["tx_hash"]) == (watched.detector.signals[0]["id"], tx(1))
    assert event["reason"].startswith("the venue told it and no block held it 15")
    assert [gone.id for gone in watched.told] == [event["id"]]
    assert len(watched.unmined) == 0


def test_a_transaction_that_failed_is_no_trade_either() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.receipt = {"status": "0x0", "logs": []}

    watched.pass_time()

    assert len(watched.retracted) == 1


@pytest.mark.parametrize("node", ["chain_logs", "second_node"])
def test_what_a_node_showed_is_never_asked_for(node: str) -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.detector.show(node, 1)

    watched.pass_time(3 * WITHIN_S)

    assert (watched.asked, watched.retracted) == (0, [])


def test_after_a_restart_what_a_node_showed_before_or_was_taken_back_is_not_asked_for_again() -> None:
    first = Watched()
    for number in (1, 2, 3):
        first.detector.show("rtds", number)
    first.detector.show("chain_logs", 1)
    first.unmined.forget([FillKey(LEADER, tx(3), each["token_id"], each["side"]) for each in first.detector.signals])
    first.pass_time(3 * WITHIN_S)
    assert [each["tx_hash"] for each in first.retracted] == [tx(2)]

    second = Watched(first.redis, first.clock)
    second.pass_time(3 * WITHIN_S)

    assert [each["tx_hash"] for each in second.retracted] == [tx(2), tx(3)]
    assert second.asked == 2


def test_what_its_receipt_shows_is_mined() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.receipt = {"logs": [a_log(transactionHash=tx(1))]}

    watched.pass_time(3 * WITHIN_S)

    assert (watched.asked, watched.retracted, len(watched.unmined)) == (1, [], 0)


def test_one_missing_receipt_is_not_enough() -> None:
    watched = Watched()
    watched.detector.show("data_api", 1)
    watched.clock.advance(WITHIN_S)

    watched.check(HEAD)
    watched.receipt = {"logs": [a_log(transactionHash=tx(1))]}
    watched.pass_time()

    assert (watched.asked, watched.retracted) == (2, [])


def test_a_node_that_is_behind_takes_nothing_back() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.head_at_ms = NOW_MS

    watched.pass_time(3 * WITHIN_S)

    assert (watched.asked, watched.retracted, len(watched.unmined)) == (0, [], 1)


def test_a_node_that_is_away_takes_nothing_back() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.clock.advance(WITHIN_S)
    watched.away = True

    with pytest.raises(Unavailable):
        watched.check(HEAD)

    assert (watched.retracted, len(watched.unmined)) == ([], 1)


def test_the_next_life_looks_for_what_the_last_one_told() -> None:
    watched = Watched()
    watched.detector.show("rtds", 1)
    watched.detector.show("chain_logs", 2)
    watched.detector.show("rtds", 2)

    again = Watched(watched.redis, watched.clock)
    again.pass_time()

    assert [event["tx_hash"] for event in again.retracted] == [tx(1)]


def test_what_is_told_late_is_not_looked_for() -> None:
    watched = Watched()
    watched.clock.advance(3600)

    watched.detector.show("data_api", 1)

    assert len(watched.unmined) == 0


def test_the_oldest_is_looked_for_no_more_when_there_are_too_many() -> None:
    unmined = UnminedSignals(1000, most=2)

    for number in range(3):
        unmined.expect(FillKey(LEADER, tx(number), "1", "BUY"), NOW_MS, NOW_MS)

    assert [one.key.tx_hash for one in unmined.due(NOW_MS + 1000)] == [tx(1), tx(2)]


def test_a_pending_one_is_given_up_by_blocks_not_by_time() -> None:
    watched = Watched()
    watched.detector.show("pending", 1)
    watched.clock.advance(10)

    for _ in range(100):
        watched.check(HEAD)
        watched.clock.advance(10)
    assert watched.retracted == []
    watched.check(HEAD + 30)

    (event,) = watched.retracted
    assert event["reason"].startswith("it was pending and no block held it")


def test_a_pending_one_that_failed_in_its_block_is_taken_back_at_the_first_look() -> None:
    watched = Watched()
    watched.detector.show("pending", 1)
    watched.receipt = {"status": "0x0", "logs": []}

    watched.check(HEAD)
    assert watched.asked == 0
    watched.clock.advance(6)
    watched.check(HEAD)

    assert [event["reason"] for event in watched.retracted] == ["its transaction failed in its block"]


def test_a_pending_one_that_its_block_shows_is_looked_for_no_more() -> None:
    watched = Watched()
    watched.detector.show("pending", 1)

    watched.detector.show("chain_logs", 1)

    assert len(watched.unmined) == 0
