"""How far the chain has been read: the first poll, the overlap, cursors, and the catch-up after downtime."""

import pytest

from detector.sources.chain_logs import ALL, NAME
from shared.rate_limit.limits import GateLane
from tests.detector.builders import LEADER, OTHER, a_log, tx
from tests.detector.fakes import FakeCursors
from tests.detector.sources.chain_node import Node, a_source, catch_up, logs_asked


def test_a_first_poll_reaches_back_by_the_measured_pace_of_blocks() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Node(head=10_000), cursors)

    source.poll(ALL, cursors.sink)

    assert int(logs_asked(upstream)[0]["fromBlock"], 16) == 10_000 - 100


@pytest.mark.pitfall(11)
def test_each_poll_reads_the_last_blocks_again() -> None:
    node, cursors = Node(head=10_000), FakeCursors()
    source, upstream = a_source(node, cursors)
    source.poll(ALL, cursors.sink)

    node.head += 2
    source.poll(ALL, cursors.sink)

    assert int(logs_asked(upstream)[-1]["fromBlock"], 16) == 10_000 - 20 + 1


def test_cursors_are_stored_twice_an_overlap_since_a_restart_reads_that_again_anyhow() -> None:
    node, cursors = Node(head=10_000), FakeCursors()
    source, _ = a_source(node, cursors)

    for _ in range(21):
        source.poll(ALL, cursors.sink)
        node.head += 1

    assert [batch.cursors[LEADER] for batch in cursors.batches if batch.cursors] == [10_000, 10_010, 10_020]


def test_each_leader_has_a_cursor_of_its_own() -> None:
    cursors = FakeCursors()
    cursors.known[NAME, LEADER] = 9_999
    cursors.known[NAME, OTHER] = 9_900
    source, upstream = a_source(Node(head=10_000), cursors)

    source.poll(ALL, cursors.sink)

    assert int(logs_asked(upstream)[0]["fromBlock"], 16) == 9_900 - 20 + 1


def test_after_downtime_the_newest_blocks_come_first_and_the_rest_oldest_first_in_the_catch_up_lane() -> None:
    blocks = (5_100, 7_000, 8_999, 9_980, 9_981, 10_000)
    node = Node(10_000, *[a_log(blockNumber=hex(block), transactionHash=tx(block)) for block in blocks])
    cursors = FakeCursors()
    cursors.known[NAME, LEADER] = cursors.known[NAME, OTHER] = 5_000
    source, upstream = a_source(node, cursors)

    source.poll(ALL, cursors.sink)
    assert len(cursors.amounts) == 2
    assert cursors.known[NAME, LEADER] == 5_000
    catch_up(source, cursors)

    seen = [int(fill.tx_hash, 16) for batch in cursors.batches for view in batch.views for fill in view.fills]
    assert sorted(seen) == sorted(blocks)
    assert seen[2:] == sorted(seen[2:])
    lanes = [asked["lane"] for asked in upstream.asked if asked["method"] == "eth_getLogs"]
    assert lanes == [GateLane.FRESH, *[GateLane.CATCHUP] * 3]
    source.poll(ALL, cursors.sink)
    assert cursors.known[NAME, LEADER] == 10_000


def test_fresh_polls_go_on_beside_a_catch_up_and_a_crash_in_the_middle_resumes_there() -> None:
    node, cursors = Node(10_000, a_log(blockNumber=hex(8_500))), FakeCursors()
    cursors.known[NAME, LEADER] = cursors.known[NAME, OTHER] = 5_000
    source, _ = a_source(node, cursors)
    source.poll(ALL, cursors.sink)

    source.catch_up(ALL, cursors.sink)
    node.head += 50
    node.logs.append(a_log(blockNumber=hex(10_050), transactionHash=tx(1)))
    source.poll(ALL, cursors.sink)
    assert len(cursors.amounts) == 1
    assert cursors.known[NAME, LEADER] == 6_980

    again, upstream = a_source(node, cursors)
    again.poll(ALL, cursors.sink)
    catch_up(again, cursors)
    assert int(logs_asked(upstream)[1]["fromBlock"], 16) == 6_980 - 20 + 1
    assert len(cursors.amounts) == 3
