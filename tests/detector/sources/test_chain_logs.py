"""Chain logs as a source: filters, spans, nodes that lag, forget or refuse."""

from typing import Any

import pytest

from detector.sources.chain_logs import ALL, NAME
from shared.domain.errors import HybridError, RateLimited, Rejected, Unavailable
from shared.polymarket.polygon import HistoryPruned, NodeBehind, PolygonClient, RangeTooWide, named_error
from shared.polymarket.wire.endpoints import EXCHANGES, EXCHANGES_V1
from shared.polymarket.wire.order_filled import padded_address
from tests.detector.builders import LEADER, NOW_MS, OTHER, a_log, tx
from tests.detector.fakes import FakeCursors, FakeUpstream
from tests.detector.sources.chain_node import Node, a_source, catch_up, logs_asked


def test_one_filter_carries_all_leaders_and_all_exchanges() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Node(), cursors)

    source.poll(ALL, cursors.sink)

    (asked,) = logs_asked(upstream)
    assert asked["topics"][2] == [padded_address(LEADER), padded_address(OTHER)]
    assert asked["address"] == list(EXCHANGES)


def test_the_retired_exchanges_are_read_on_request() -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Node(), cursors, with_v1=True)

    source.poll(ALL, cursors.sink)

    (asked,) = logs_asked(upstream)
    assert asked["address"] == [*EXCHANGES, *EXCHANGES_V1]
    assert len(asked["topics"][0]) == 2


def some_leaders(count: int) -> tuple[str, ...]:
    return tuple(f"0x{number:040x}" for number in range(1, count + 1))


@pytest.mark.parametrize(("leaders", "requests"), [(1, 1), (500, 1), (1000, 2), (1001, 1), (10_000, 1)])
def test_a_poll_costs_as_little_for_ten_thousand_leaders_as_for_one(leaders: int, requests: int) -> None:
    cursors = FakeCursors()
    source, upstream = a_source(Node(), cursors, leaders=some_leaders(leaders))

    source.poll(ALL, cursors.sink)

    assert len(logs_asked(upstream)) == requests


def test_beyond_a_thousand_leaders_the_whole_log_is_read_and_sifted_and_others_fills_are_not_counted() -> None:
    stranger = a_log(maker="0x" + "5e" * 20, blockNumber=hex(9_998))
    ours, mad = a_log(blockNumber=hex(9_999)), a_log(topics=None, blockNumber=hex(9_999), logIndex="0x9")
    node, cursors = Node(10_000, stranger, ours, mad), FakeCursors()
    source, upstream = a_source(node, cursors, leaders=(*some_leaders(1000), LEADER))

    source.poll(ALL, cursors.sink)

    (asked,) = logs_asked(upstream)
    assert (len(asked["topics"]), asked["address"]) == (1, list(EXCHANGES))
    (batch,) = cursors.batches
    assert (cursors.amounts, batch.rows, len(batch.problems)) == ([100_000_000], 2, 1)
    assert cursors.known[NAME, LEADER] == 10_000


@pytest.mark.pitfall(11)
def test_a_whole_log_with_too_many_results_is_read_in_halves_and_nothing_is_skipped() -> None:
    node = Node(10_000, *[a_log(blockNumber=hex(9_901 + n), transactionHash=tx(n + 1)) for n in range(100)])
    node.most_logs = 9
    cursors = FakeCursors()
    source, upstream = a_source(node, cursors, leaders=(*some_leaders(1000), LEADER))

    source.poll(ALL, cursors.sink)

    assert len(cursors.amounts) == 100
    assert len(logs_asked(upstream)) < 60


def test_many_leaders_are_asked_for_in_several_filters() -> None:
    cursors = FakeCursors()
    leaders = tuple(f"0x{number:040x}" for number in range(201))
    source, upstream = a_source(Node(), cursors, leaders=leaders, leaders_at_once=200)

    source.poll(ALL, cursors.sink)

    assert [len(asked["topics"][2]) for asked in logs_asked(upstream)] == [200, 1]


@pytest.mark.pitfall(11)
def test_a_range_limit_halves_the_span_and_nothing_is_skipped() -> None:
    node = Node(10_000, *[a_log(blockNumber=hex(9_000 + n * 50), transactionHash=tx(n + 1)) for n in range(20)])
    node.widest = 130
    cursors = FakeCursors()
    cursors.known[NAME, LEADER] = cursors.known[NAME, OTHER] = 9_000
    source, upstream = a_source(node, cursors)

    source.poll(ALL, cursors.sink)
    catch_up(source, cursors)

    assert len(cursors.amounts) == 20
    spans = [int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1 for asked in logs_asked(upstream)]
    assert min(spans) <= 130
    assert cursors.known[NAME, LEADER] == 9_980


@pytest.mark.pitfall(11)
def test_a_node_behind_the_others_is_asked_again_next_time() -> None:
    node, cursors = Node(10_000, a_log(blockNumber=hex(9_999))), FakeCursors()
    source, _ = a_source(node, cursors)
    node.behind = True

    source.poll(ALL, cursors.sink)
    assert cursors.known == {}
    node.behind = False
    source.poll(ALL, cursors.sink)

    assert len(cursors.amounts) == 1


@pytest.mark.pitfall(11)
def test_a_node_that_stays_behind_is_an_error() -> None:
    node, cursors = Node(), FakeCursors()
    source, _ = a_source(node, cursors)
    node.behind = True

    for _ in range(4):
        source.poll(ALL, cursors.sink)

    with pytest.raises(NodeBehind):
        source.poll(ALL, cursors.sink)


def test_blocks_that_the_node_no_longer_keeps_are_passed_by_loudly() -> None:
    node, cursors = Node(10_000, a_log(blockNumber=hex(9_999))), FakeCursors()
    node.pruned_below = 8_500
    cursors.known[NAME, LEADER] = cursors.known[NAME, OTHER] = 5_000
    source, _ = a_source(node, cursors)

    source.poll(ALL, cursors.sink)
    catch_up(source, cursors)

    assert len(cursors.amounts) == 1
    assert cursors.known[NAME, LEADER] == 9_980


def test_blocks_that_do_not_say_their_time_are_asked_for_once() -> None:
    log = a_log(blockNumber=hex(9_998))
    del log["blockTimestamp"]
    cursors = FakeCursors()
    source, upstream = a_source(Node(10_000, log, log | {"logIndex": "0x9"}), cursors)

    source.poll(ALL, cursors.sink)
    source.poll(ALL, cursors.sink)

    times = [fill.traded_at_ms for batch in cursors.batches for view in batch.views for fill in view.fills]
    assert set(times) == {NOW_MS - 3000}
    asked = [each for each in upstream.asked if each["method"] == "eth_getBlockByNumber"]
    assert sum(int(each["params"][0], 16) == 9_998 for each in asked) == 1


@pytest.mark.pitfall(13)
def test_a_log_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    bad = a_log(blockNumber=hex(9_998), logIndex="?")
    node, cursors = Node(10_000, bad, a_log(blockNumber=hex(9_999))), FakeCursors()
    source, _ = a_source(node, cursors)
    node.eth_getLogs = lambda _asked: [
        bad,
        "no log",
        a_log(logIndex="0x9", blockNumber=None),
        a_log(blockNumber=hex(9_999)),
    ]  # type: ignore[method-assign]  # a node gone mad

    source.poll(ALL, cursors.sink)

    assert len(cursors.amounts) == 2
    assert len(cursors.batches[-1].problems) == 2
    assert cursors.known[NAME, LEADER] == 10_000


def test_fills_of_wallets_that_were_not_asked_for_are_dropped_and_named() -> None:
    stranger = a_log(maker="0x" + "5e" * 20, blockNumber=hex(9_999))
    node, cursors = Node(10_000), FakeCursors()
    source, _ = a_source(node, cursors)
    node.eth_getLogs = lambda _asked: [stranger]  # type: ignore[method-assign]  # a node that ignores its filter

    source.poll(ALL, cursors.sink)

    assert cursors.amounts == []
    assert "not asked for" in cursors.batches[-1].problems[0]


def test_a_block_whose_time_nobody_knows_keeps_the_cursor_where_it_is() -> None:
    log = a_log(blockNumber=hex(9_998))
    del log["blockTimestamp"]
    node, cursors = Node(10_000, log), FakeCursors()
    node.times = False
    source, _ = a_source(node, cursors)

    source.poll(ALL, cursors.sink)

    assert cursors.batches == []


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ("exceed maximum block range: 10000", -32701, RangeTooWide),
        ("query returned more than 10000 results", -32005, RangeTooWide),
        ("request timed out", -32002, RangeTooWide),
        ("invalid block range params", -32000, NodeBehind),
        ("header not found", -32000, NodeBehind),
        ("rate limit exceeded", -32005, RateLimited),
        ("method not found", -32601, Rejected),
        ("History has been pruned", -32000, HistoryPruned),
        ("strange", -32000, Unavailable),
    ],
)
def test_what_nodes_say_is_named(message: str, code: int, kind: type[HybridError]) -> None:
    assert type(named_error("eth_getLogs", {"message": message, "code": code})) is kind


def test_a_refusal_inside_an_answer_is_told_to_the_gate() -> None:
    upstream: Any = FakeUpstream(lambda _: {"error": {"code": -32005, "message": "too many requests"}})

    with pytest.raises(RateLimited):
        PolygonClient(upstream).head()

    assert upstream.throttles == 1
