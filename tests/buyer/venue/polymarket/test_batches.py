"""Several JSON-RPC calls in one request: each answer finds its call, and no half batch is taken for a whole one."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from buyer.domain.order_result import OwnTrade
from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.credentials import RequestHeaders
from shared.clock import ManualClock
from shared.domain.errors import HybridError, Malformed, RateLimited, Rejected
from shared.http.client import Upstream
from shared.polymarket.polygon import BATCH, PolygonClient
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, ORDER_FILLED
from shared.rate_limit.limits import GateLane


@dataclass
class Node:
    """Answers calls with the logs of a transaction, batches in another order; `refuses` answers every batch."""

    logs: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    refuses: Any = None
    forgets: bool = False
    requests: list[int] = field(default_factory=list[int])
    throttles: int = 0

    def post(self, path: str, json: Any, lane: GateLane = GateLane.FRESH, cost: int = 1) -> Any:
        del path, lane
        self.requests.append(cost)
        if not isinstance(json, list):
            return self._one(json)
        if self.refuses is not None:
            return self.refuses
        return [self._one(one) for one in reversed(cast("list[Any]", json))][self.forgets :]

    def throttled(self, retry_after_s: float | None = None) -> None:
        del retry_after_s
        self.throttles += 1

    def _one(self, asked: Any) -> Any:
        logs = self.logs.get(asked["params"][0])
        return {"id": asked["id"], "result": None if logs is None else {"logs": logs}}


def polygon(node: Node) -> PolygonClient:
    return PolygonClient(cast("Upstream", node))


def test_each_transaction_gets_its_own_logs_and_one_that_is_not_mined_none() -> None:
    names = [f"0x{number}" for number in range(BATCH + 2)]
    node = Node({name: [{"of": name}] for name in names[1:]})

    found = polygon(node).receipts_logs(names)

    assert found == [[], *([{"of": name}] for name in names[1:])]
    assert node.requests == [BATCH, 2]


def test_one_call_is_no_batch_and_none_is_no_request() -> None:
    node = Node({"0x1": [1]})

    assert polygon(node).receipts_logs(["0x1"]) == [[1]]
    assert polygon(node).receipts_logs([]) == []
    assert node.requests == [1]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": {"code": -32600, "message": "batches are not served"}}, Rejected),
        ({"error": {"code": -32005, "message": "rate limit"}}, RateLimited),
        ({"result": {}}, Malformed),
        ([], Malformed),
    ],
)
def test_a_batch_that_is_refused_or_short_is_an_error(answer: Any, error: type[HybridError]) -> None:
    node = Node(refuses=answer)

    with pytest.raises(error):
        polygon(node).receipts_logs(["0x1", "0x2"])

    assert node.throttles == (error is RateLimited)


def test_an_answer_that_is_missing_is_an_error() -> None:
    with pytest.raises(Malformed, match="1 answers to a batch of 2"):
        polygon(Node(forgets=True)).receipts_logs(["0x1", "0x2"])


def test_a_node_without_batches_is_asked_one_by_one_from_then_on() -> None:
    node = Node({"0xt1": [a_log("0xh1", shares=7)], "0xt2": []}, refuses={"error": {"code": -32600, "message": "no"}})
    account = AccountApi(cast("Upstream", None), cast("RequestHeaders", None), polygon(node), clock=ManualClock())
    trades = [("0xh1", a_trade("1", "0xt1")), ("0xh2", a_trade("2", "0xt2")), ("0xh3", a_trade("3", ""))]

    first, again = account.booked(trades), account.booked(trades)

    assert first == again == {"1": OwnTrade("1", "CONFIRMED", 7, 4, 1, "0xt1")}
    assert node.requests == [2, 1, 1, 1, 1]


def a_trade(name: str, tx_hash: str) -> OwnTrade:
    return OwnTrade(name, "CONFIRMED", 100, 50, 0, tx_hash)


def a_log(order_hash: str, shares: int) -> dict[str, Any]:
    words = (0, 123, 4, shares, 1, 0, 5)
    return {
        "address": CTF_EXCHANGE_V2,
        "topics": [ORDER_FILLED, order_hash],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
    }
