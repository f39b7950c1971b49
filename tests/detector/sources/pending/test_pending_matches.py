"""Nodes push what is pending; a match is handed on once, by whichever node it came first, when it is proven."""

import json
import threading
from typing import Any

import fakeredis
import pytest

from detector.domain.source_port import Batch
from detector.leaders.watchlist import Watchlist
from detector.sources.pending.match_proof import MatchProof
from detector.sources.pending.match_slots import MatchSlots
from detector.sources.pending.node_connection import LOOK_UPS_PER_S, NodeConnection, PendingSight
from detector.sources.pending.order_proof import OrderProofs
from detector.sources.pending.pending_matches import PendingMatchesSource
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2
from shared.polymarket.wire.matches.node_frames import subscription
from tests.detector.sources.pending.match_builder import LEADER, MAKER, NOW_MS, Match, Order, Wallet, leaders_of
from tests.detector.sources.pending.test_match_proof import Asked, KnownOperators
from tests.fake_line import FakeLine

STRANGER = "0x" + "0c" * 32


def pushed(match: Match, **changes: Any) -> str:
    """Build the frame of a whole pending transaction."""
    return notified({**match.node_json, **changes})


def notified(result: object) -> str:
    params = {"subscription": "0x1", "result": result}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


def answered(number: int, **said: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, **said})


class NodeRig:
    """One node's connection whose frames are given."""

    def __init__(self) -> None:
        self.clock, self.stop = ManualClock(NOW_MS), threading.Event()
        self.sights: list[PendingSight] = []
        self.line = FakeLine(self.clock)
        self.node = NodeConnection(
            "node-1",
            lambda: self.line,
            self,
            lambda: leaders_of(LEADER),
            clock=self.clock,
            stop=self.stop,
            random=lambda: 0.5,
            mute_s=20,
        )

    def put(self, sight: PendingSight) -> None:
        self.sights.append(sight)

    def hear(self, *frames: Any) -> FakeLine:
        self.line = FakeLine(self.clock, *frames)
        self.node.turn()
        return self.line


def a_source(*nodes: str, redis: fakeredis.FakeRedis | None = None, leader: Wallet = LEADER) -> PendingMatchesSource:
    clock, stop = ManualClock(NOW_MS), threading.Event()
    proof = MatchProof(KnownOperators(), OrderProofs(Asked()), max_age_ms=600_000)
    dials = {name: (lambda: FakeLine(clock)) for name in nodes or ("a", "b")}
    slots = MatchSlots(redis or fakeredis.FakeRedis(decode_responses=True))
    return PendingMatchesSource(
        dials, Watchlist((leader.address,)), proof, slots, look=lambda: None, clock=clock, stop=stop, random=lambda: 0.5
    )


def a_sight(match: Match, node: str = "a", seen_at_ms: int = NOW_MS) -> PendingSight:
    return PendingSight(node, match.transaction, seen_at_ms)


def test_only_matches_that_name_a_leader_are_looked_into() -> None:
    rig = NodeRig()
    others = Match(taker=Order(MAKER), makers=Match().makers)

    rig.hear(pushed(others), notified({"to": CTF_EXCHANGE_V2, "input": "0x"}), notified({"to": None}), pushed(Match()))

    assert [sight.transaction.hash for sight in rig.sights] == [Match().node_json["hash"]]


def test_the_best_way_is_asked_for_first_and_a_node_that_lacks_it_for_the_next() -> None:
    rig = NodeRig()
    refused = {"error": {"code": -32602, "message": "unsupported subscription type"}}

    line = rig.hear(answered(10, **refused), answered(11, **refused), notified("0x" + "7e" * 32))

    asked = [frame for frame in line.sent if "chainId" not in frame]
    assert asked[:3] == [subscription("filtered"), subscription("whole"), subscription("hashes")]
    assert "eth_getTransactionByHash" in asked[3]


def test_a_hash_that_is_looked_up_becomes_a_sight() -> None:
    rig = NodeRig()

    rig.hear(notified(Match().node_json["hash"]), answered(1000, result=Match().node_json), answered(1000, result=None))

    assert len(rig.sights) == 1


def test_a_flood_of_hashes_is_not_looked_up_whole() -> None:
    rig = NodeRig()

    line = rig.hear(*[notified(f"0x{number:064x}") for number in range(2 * LOOK_UPS_PER_S)])

    assert sum("eth_getTransactionByHash" in frame for frame in line.sent) == LOOK_UPS_PER_S


@pytest.mark.pitfall(10)
def test_a_node_that_is_open_and_mute_is_given_up() -> None:
    rig = NodeRig()

    rig.hear(pushed(Match()), *[None] * 150)

    assert "no pending transaction for 20 s" in rig.node.trouble


def test_a_node_of_another_chain_is_refused_by_name() -> None:
    rig = NodeRig()

    rig.hear(answered(1, result="0x1"))

    assert rig.node.trouble == "node-1 is a node of chain 1, not of Polygon"


@pytest.mark.pitfall(13)
@pytest.mark.parametrize("frame", ["{", "[]", "null", '{"params":{"result":5}}', '{"id":1,"result":"x"}'])
def test_a_frame_that_cannot_be_read_ends_nothing(frame: str) -> None:
    rig = NodeRig()

    rig.hear(frame, pushed(Match(), input="0x3c2b4399"), pushed(Match(), input="0x3c2b439"), pushed(Match()))

    assert len(rig.sights) == 1


def test_a_proven_match_is_a_fill_as_its_log_will_show_it() -> None:
    batch = a_source().take_sight(a_sight(Match(taker_fee=1_040_000)))

    assert batch is not None
    (fill,) = batch.views[0].fills
    assert (fill.leader, fill.tx_hash, fill.token_id) == (
        LEADER.address,
        Match(taker_fee=1_040_000).node_json["hash"],
        "101",
    )
    assert (fill.side, fill.shares_micro, fill.usdc_micro, fill.fee_micro) == (
        "BUY",
        100_000_000,
        52_000_000,
        1_040_000,
    )
    assert (fill.role, fill.traded_at_ms, fill.exact_time, fill.log_index) == ("taker", NOW_MS, False, None)


def test_what_several_nodes_show_is_handed_on_once_and_each_ones_lead_is_measured() -> None:
    source = a_source("a", "b")

    first, second, again = (
        source.take_sight(a_sight(Match(), node, NOW_MS + later)) for node, later in (("b", 0), ("a", 40), ("a", 90))
    )

    assert (first is not None, second, again) == (True, None, None)
    standings = {each.node: (each.seen, each.first, each.coverage, each.behind_ms) for each in source.board.standings()}
    assert standings == {"a": (1, 0, 1.0, 40), "b": (1, 1, 1.0, 0)}


@pytest.mark.pitfall(48)
def test_a_liar_who_names_a_true_hash_first_hides_nothing() -> None:
    """What a node writes into `hash` decides nothing: the hash is made from what was signed."""
    source = a_source()
    forged = Match(operator_key=STRANGER, changes={"hash": Match().node_json["hash"]})

    assert source.take_sight(a_sight(forged)) is None
    assert source.take_sight(a_sight(Match(), "b")) is not None


@pytest.mark.pitfall(48)
@pytest.mark.parametrize(
    "forged",
    [
        Match(operator_key=STRANGER),
        Match(taker=Order(changes=((11, b"\x1b" * 65),))),
        Match(changes={"input": Match(taker_fill=52_000_001).node_json["input"]}),
        Match(taker=Order(signed_at_ms=NOW_MS - 700_000)),
    ],
    ids=["operator", "order", "amounts", "old"],
)
def test_nothing_forged_is_handed_on(forged: Match) -> None:
    assert a_source().take_sight(a_sight(forged)) is None


def test_a_match_that_the_operator_sends_again_is_the_same_match() -> None:
    """With one number and other gas: one of the two is mined, and the leader trades once."""
    source = a_source()
    first, again = Match(nonce=5), Match(nonce=5, tip_gwei=31)

    told, more = source.take_sight(a_sight(first)), source.take_sight(a_sight(again))

    assert told is not None
    assert more is not None
    assert told.replaces == {}
    assert more.replaces == {again.transaction.hash: first.transaction.hash}
    assert source.take_sight(a_sight(again)) is None


@pytest.mark.pitfall(5)
def test_a_match_that_is_sent_again_is_the_same_match_to_a_detector_that_began_in_between() -> None:
    redis, first, again = fakeredis.FakeRedis(decode_responses=True), Match(nonce=5), Match(nonce=5, tip_gwei=31)
    assert a_source(redis=redis).take_sight(a_sight(first)) is not None

    more = a_source(redis=redis).take_sight(a_sight(again))

    assert more is not None
    assert more.replaces == {again.transaction.hash: first.transaction.hash}


def test_one_match_of_two_leaders_is_told_by_the_detector_of_each() -> None:
    redis, match = fakeredis.FakeRedis(decode_responses=True), Match()

    told = [a_source(redis=redis, leader=each).take_sight(a_sight(match)) for each in (LEADER, MAKER)]

    assert [batch and {fill.leader for view in batch.views for fill in view.fills} for batch in told] == [
        {LEADER.address},
        {MAKER.address},
    ]


def test_what_is_seen_while_the_server_is_away_is_taken_when_it_is_back() -> None:
    server = fakeredis.FakeServer()
    source = a_source("a", redis=fakeredis.FakeRedis(server=server, decode_responses=True))
    handed = list[Batch]()
    source._started = True
    source._inbox.put(a_sight(Match()))
    server.connected = False

    with pytest.raises(Unavailable, match="Redis"):
        source.poll("all", handed.append)
    server.connected = True
    with pytest.raises(Unavailable, match="a: "):
        source.poll("all", handed.append)

    assert [batch.rows for batch in handed] == [1]


def test_of_two_other_matches_with_one_number_only_the_first_is_told() -> None:
    """The operator replaced one by the other: a block says which, and the other sources with it."""
    source = a_source()

    assert source.take_sight(a_sight(Match(nonce=5))) is not None
    assert source.take_sight(a_sight(Match(taker=Order(salt=8), nonce=5))) is None
    assert source.take_sight(a_sight(Match(taker=Order(salt=8), nonce=6))) is not None


def test_a_source_without_a_node_that_shows_anything_says_so() -> None:
    source = a_source("a")
    handed: list[Batch] = []

    with pytest.raises(Unavailable, match="a: "):
        source.poll("all", handed.append)
    source._stop.set()

    assert handed == []
