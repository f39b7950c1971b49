"""The Goldsky orderbook subgraph: `OrderFilled` of the V1 exchanges, which stopped trading on 2026-04-28."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import Malformed, Unavailable
from shared.http.client import Upstream
from shared.polymarket.wire.leader_fills import row_time_ms
from shared.polymarket.wire.parsing import as_list, as_object, read_flag, read_text
from shared.rate_limit.limits import GateLane

PAGE = 1000
QUERY = """query Fills($makers: [String!]!, $since: BigInt!, $last: ID!, $first: Int!) {
  orderFilledEvents(first: $first, orderBy: id, orderDirection: asc,
    where: {maker_in: $makers, timestamp_gte: $since, id_gt: $last}) {
    id transactionHash timestamp orderHash maker taker makerAssetId takerAssetId
    makerAmountFilled takerAmountFilled fee }
  _meta { block { number timestamp } hasIndexingErrors }
}"""


@dataclass(frozen=True)
class FilledPage:
    """One page in order of ids, and how far the indexer is."""

    rows: list[Any]
    indexed_s: int
    last_id: str
    full: bool


class OrderbookSubgraph:
    """The orderbook subgraph at one endpoint."""

    def __init__(self, upstream: Upstream, limit: int = PAGE) -> None:
        self._upstream, self._limit = upstream, limit

    def filled(self, makers: Sequence[str], since_s: int, last_id: str, lane: GateLane = GateLane.FRESH) -> FilledPage:
        """Return fills of orders that `makers` own, from `since_s` on, after `last_id`.

        Raises:
            TryAgain: throttled, away, or the indexer admits errors (its data must not be used).
            GiveUp: refused, or an answer of another form.
        """
        variables = {"makers": list(makers), "since": str(since_s), "last": last_id, "first": self._limit}
        raw = as_object(self._upstream.post("", {"query": QUERY, "variables": variables}, lane=lane), "subgraph")
        data = _data(raw.get("data"), raw.get("errors"))
        meta = as_object(data.get("_meta"), "_meta")
        if read_flag(meta, "hasIndexingErrors", default=False):
            raise Unavailable("the subgraph admits indexing errors; its data is not used")
        rows = as_list(data.get("orderFilledEvents"), "orderFilledEvents")
        return FilledPage(
            rows=rows,
            indexed_s=row_time_ms(as_object(meta.get("block"), "_meta.block")) // 1000,
            last_id=read_text(as_object(rows[-1], "row"), "id") if rows else last_id,
            full=len(rows) >= self._limit,
        )


def _data(data: object, errors: object) -> Any:  # noqa: ANN401 - JSON
    if errors:
        raise Unavailable(f"the subgraph answers errors: {str(errors)[:200]}")
    if data is None:
        raise Malformed("the subgraph answers no data")
    return as_object(data, "data")
