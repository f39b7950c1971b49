"""The subgraph as a source: pages by ids, rows that are indexed late, answers of another form."""

from typing import Any

import pytest

from shared.domain.errors import HybridError, Malformed, TryAgain, Unavailable
from shared.polymarket.subgraph import OrderbookSubgraph
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V1, EXCHANGES_V1
from tests.detector.builders import LEADER, NOW_S, OTHER, tx
from tests.detector.fakes import FakeCursors, FakeUpstream
from tests.detector.sources.subgraph_indexer import Indexer, a_subgraph, entities


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
