"""A node that answers `eth_getLogs` from a list, and a source that asks it."""

from typing import Any

from detector.domain.log_filters import LogRules
from detector.sources.chain_logs import ALL, ChainLogsSource
from shared.clock import ManualClock
from shared.polymarket.polygon import PolygonClient
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER
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
