"""A second node's word on what one node shows: its own receipt in its own block (pitfall 48)."""

import threading
from typing import Any, cast

import pytest

from detector.domain.fill_multiset import FillPiece
from detector.domain.fill_view import FillView
from detector.domain.signal_draft import FillKey, UnconfirmedFill
from detector.publishing.receipt_evidence import ReceiptEvidence
from detector.publishing.receipt_witness import AGAIN_S, ReceiptWitness
from shared.clock import ManualClock
from shared.domain.witnesses import SECOND_NODE
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.leader_fills import NO_HINT
from tests.detector.builders import LEADER, NOW_MS, NOW_S, TOKEN, TX, a_log
from tests.detector.fakes import FakeUpstream

pytestmark = pytest.mark.pitfall(48)
BLOCK_HASH = "0x" + "b1" * 32
WITHIN_S = 30


class SecondNode:
    """A node with one mined transaction, a header, and moods."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.receipt: dict[str, Any] | None = {"blockNumber": "0x10", "blockHash": BLOCK_HASH, "logs": [a_log()]}
        self.header_hash, self.away, self.asked = BLOCK_HASH, False, 0
        self.views: list[FillView] = []
        polygon = PolygonClient(cast("Any", FakeUpstream(self.answer)))
        self.witness = ReceiptWitness(
            ReceiptEvidence(polygon), within_s=WITHIN_S, clock=self.clock, stop=threading.Event()
        )
        self.witness._tell = self.views.extend

    def answer(self, asked: dict[str, Any]) -> Any:
        if self.away:
            return {"error": {"code": -32000, "message": "away"}}
        if asked["method"] == "eth_getTransactionReceipt":
            self.asked += 1
            return {"result": self.receipt}
        return {"result": {"hash": self.header_hash, "timestamp": hex(NOW_S)}}

    def ask(self, token: str = TOKEN, late_ms: int = 0) -> None:
        key = FillKey(LEADER, TX, token, "BUY")
        pieces = (FillPiece(100_000_000, 52_000_000),)
        waits = UnconfirmedFill(key, "chain_logs", NOW_MS + late_ms, NOW_MS, pieces, NO_HINT, frozenset())
        self.witness.ask([waits])
        self.witness._take_new()

    def look(self, seconds: float = 0) -> None:
        for _ in range(1 + round(seconds / AGAIN_S)):
            self.witness.look()
            self.clock.advance(AGAIN_S)


def test_what_its_own_block_holds_is_its_word() -> None:
    node = SecondNode()

    node.ask()
    node.look(5)

    (view,) = node.views
    assert (view.source, view.fills[0].shares_micro, view.fills[0].traded_at_ms) == (SECOND_NODE, 100_000_000, NOW_MS)
    assert node.asked == 1


def test_it_is_asked_again_until_it_has_the_block() -> None:
    node = SecondNode()
    node.receipt, receipt = None, node.receipt

    node.ask()
    node.look(3)
    assert node.views == []
    node.receipt = receipt
    node.look()

    assert len(node.views) == 1


@pytest.mark.parametrize("spoil", ["header", "another token", "nothing", "away"])
def test_what_it_does_not_hold_it_does_not_vouch_for(spoil: str) -> None:
    node = SecondNode()
    if spoil == "header":
        node.header_hash = "0x" + "c2" * 32
    if spoil == "nothing":
        node.receipt = None
    node.away = spoil == "away"

    node.ask(token="999" if spoil == "another token" else TOKEN)
    node.look(2 * WITHIN_S)

    assert node.views == []
    assert node.witness._open == []


def test_what_is_no_news_is_not_asked_for() -> None:
    node = SecondNode()

    node.ask(late_ms=61_000)
    node.look(2)

    assert (node.asked, node.views) == (0, [])


def test_fills_of_one_transaction_are_one_question() -> None:
    node = SecondNode()
    node.receipt = {
        "blockNumber": "0x10",
        "blockHash": BLOCK_HASH,
        "logs": [a_log(), a_log(token="77", logIndex="0x9")],
    }

    node.ask()
    node.ask(token="77")
    node.look()

    assert sorted(view.fills[0].token_id for view in node.views) == sorted((TOKEN, "77"))
    assert node.asked == 1
