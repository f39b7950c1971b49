"""A subgraph that answers from a list of entities, and a source that asks it."""

from typing import Any

from detector.sources.subgraph import OrderbookSubgraphSource
from shared.clock import ManualClock
from shared.polymarket.subgraph import OrderbookSubgraph
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER, an_entity, tx
from tests.detector.fakes import FakeCursors, FakeUpstream


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
