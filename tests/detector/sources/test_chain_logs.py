"""Chain logs and subgraph as sources."""

from typing import Any

import pytest

from detector.domain.log_filters import LogRules
from detector.sources.chain_logs import ALL, NAME, ChainLogsSource
from detector.sources.subgraph import OrderbookSubgraphSource
from shared.clock import ManualClock
from shared.domain.errors import HybridError, Malformed, RateLimited, Rejected, TryAgain, Unavailable
from shared.polymarket.polygon import HistoryPruned, NodeBehind, PolygonClient, RangeTooWide, named_error
from shared.polymarket.subgraph import OrderbookSubgraph
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V1, EXCHANGES, EXCHANGES_V1
from shared.polymarket.wire.order_filled import padded_address
from shared.rate_limit.limits import GateLane
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER, a_log, an_entity, tx
from tests.detector.fakes import FakeCursors, FakeUpstream


class Node:
    """A chain of 1.5 s blocks up to `head`, with logs, a range limit, and moods."""

    def __init__(self, head: int = 10_000, *logs: dict[str, Any]) -> None:
        self.head = head
        self.logs = list(logs)
        self.widest = 10_000
        self.behind = False
        self.times = True
        self.pruned_below = 0
        self.most_logs = 10_000

    def answer(self, asked: dict[str, Any]) -> Any:
        result: Any = getattr(self, asked["method"])(*asked["params"])
        return result if "error" in (result or "") else {"result": result}

    def eth_blockNumber(self) -> str:  # noqa: N802 - the method's name
        return hex(self.head)

    def eth_getBlockByNumber(self, number: str, _full: bool) -> Any:  # noqa: FBT001, N802 - the method's form
        return {"timestamp": hex(NOW_S - (self.head - int(number, 16)) * 3 // 2)} if self.times else None

    def eth_getLogs(self, asked: dict[str, Any]) -> Any:  # noqa: N802 - the method's name
        low, high = int(asked["fromBlock"], 16), int(asked["toBlock"], 16)
        if self.behind:
            return {"error": {"code": -32000, "message": "invalid block range params"}}
        if low < self.pruned_below:
            return {"error": {"code": -32701, "message": "History has been pruned for this block"}}
        if high - low + 1 > self.widest:
            return {"error": {"code": -32701, "message": "exceed maximum block range: 10000"}}
        found = [log for log in self.logs if low <= int(log["blockNumber"], 16) <= high]
        if len(found) > self.most_logs:
            return {"error": {"code": -32005, "message": "query returned more than 10000 results"}}
        return [log for log in found if len(asked["topics"]) == 1 or log["topics"][2] in asked["topics"][2]]


def a_source(node: Node, cursors: FakeCursors, **given: Any) -> tuple[ChainLogsSource, FakeUpstream]:
    upstream: Any = FakeUpstream(node.answer)
    source = ChainLogsSource(
        PolygonClient(upstream),
        given.pop("leaders", (LEADER, OTHER)),
        cursors,
        clock=ManualClock(NOW_MS),
        every_s=1,
        rules=LogRules(overlap=20, backfill_s=150, **given),
    )
    return source, upstream


def catch_up(source: ChainLogsSource, cursors: FakeCursors) -> None:
    while source.late_scopes:
        source.catch_up(ALL, cursors.sink)


def logs_asked(upstream: FakeUpstream) -> list[dict[str, Any]]:
    return [asked["params"][0] for asked in upstream.asked if asked["method"] == "eth_getLogs"]


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


class Indexer:
    """The subgraph's rows in pages by id."""

    def __init__(self, *rows: dict[str, Any], page: int = 2) -> None:
        self.rows = sorted(rows, key=lambda row: str(row["id"]))
        self.page = page
        self.errors = False
        self.indexed_s = NOW_S + 50

    def answer(self, asked: dict[str, Any]) -> Any:
        given = asked["variables"]
        found = [
            row
            for row in self.rows
            if row["id"] > given["last"] and row["maker"] in given["makers"] and row["timestamp"] >= given["since"]
        ]
        meta = {"block": {"number": 7, "timestamp": self.indexed_s}, "hasIndexingErrors": self.errors}
        return {"data": {"orderFilledEvents": found[: given["first"]], "_meta": meta}}


def a_subgraph(indexer: Indexer, cursors: FakeCursors) -> tuple[OrderbookSubgraphSource, FakeUpstream]:
    upstream: Any = FakeUpstream(indexer.answer)
    source = OrderbookSubgraphSource(
        OrderbookSubgraph(upstream, limit=indexer.page),
        (LEADER, OTHER),
        cursors,
        clock=ManualClock(NOW_MS + 60_000),
        every_s=5,
        overlap_s=300,
        backfill_s=60,
    )
    return source, upstream


def entities(*numbers: int, order: str = "0f") -> list[dict[str, Any]]:
    return [an_entity(id=f"{tx(n)}_0x{order * 32}", transactionHash=tx(n)) for n in numbers]


@pytest.mark.parametrize("page", [1, 2, 3, 50])
def test_the_subgraph_is_read_to_its_end_by_ids(page: int) -> None:
    cursors = FakeCursors()
    source, _ = a_subgraph(Indexer(*entities(1, 2, 3, 4, 5), page=page), cursors)

    source.poll("leaders-0", cursors.sink)

    assert len(cursors.amounts) == 5
    assert cursors.known["subgraph", OTHER] == NOW_S + 50


@pytest.mark.pitfall(7)
def test_equal_orders_of_one_transaction_cut_by_a_page_arrive_in_one_view() -> None:
    twins = [*entities(2, order="0a"), *entities(2, order="0b")]
    cursors = FakeCursors()
    source, _ = a_subgraph(Indexer(*entities(1), *twins, *entities(3), page=2), cursors)

    source.poll("leaders-0", cursors.sink)

    views = [[fill.tx_hash for fill in view.fills] for batch in cursors.batches for view in batch.views]
    assert any(view.count(tx(2)) == 2 for view in views)


def test_the_subgraph_reads_again_from_before_the_block_it_had_indexed() -> None:
    cursors = FakeCursors()
    source, upstream = a_subgraph(Indexer(*entities(1)), cursors)

    source.poll("leaders-0", cursors.sink)
    source.poll("leaders-0", cursors.sink)

    assert upstream.asked[-1]["variables"]["since"] == str(NOW_S + 50 - 300)


def test_a_subgraph_that_admits_errors_is_not_believed() -> None:
    indexer, cursors = Indexer(*entities(1)), FakeCursors()
    indexer.errors = True
    source, _ = a_subgraph(indexer, cursors)

    with pytest.raises(TryAgain, match="indexing errors"):
        source.poll("leaders-0", cursors.sink)

    assert cursors.batches == []


@pytest.mark.pitfall(13)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [({"errors": [{"message": "no"}]}, Unavailable), ({"data": None}, Malformed), ({"data": {}}, Malformed)],
)
def test_a_subgraph_answer_of_another_form_is_named(answer: Any, kind: type[HybridError]) -> None:
    upstream: Any = FakeUpstream(lambda _: answer)

    with pytest.raises(kind):
        OrderbookSubgraph(upstream).filled([LEADER], 1, "")


def test_a_taker_is_told_by_the_exchange_in_its_place() -> None:
    cursors = FakeCursors()
    source, _ = a_subgraph(Indexer(*entities(1)), cursors)

    source.poll("leaders-0", cursors.sink)

    assert cursors.batches[-1].views[0].fills[0].role == "taker"
    assert CTF_EXCHANGE_V1 in EXCHANGES_V1
