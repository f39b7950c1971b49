"""Faults on demand, and the requests that they hit."""

from dataclasses import asdict, dataclass, field
from itertools import count
from random import Random
from typing import Any

UPSTREAMS = frozenset(
    {"data", "gamma", "clob", "rpc", "rpc2", "subgraph", "rtds", "ws", "user", "site", "relayer"}
    | {"pending", "pending2", "*"}
)
KINDS: dict[str, str] = {
    "http_429": "refuse with 429; params: retry_after (seconds or null), over_per_s",
    "http_5xx": "fail with params.status (default 503)",
    "html_403": "answer a Cloudflare page with 403, or params.status",
    "timeout": "hang for params.seconds (default 3600)",
    "slow": "answer after params.seconds (default 1)",
    "lost_request": "hang for params.seconds (default 3600), then 504; nothing was done",
    "lost_answer": "do what is asked, then hang for params.seconds (default 3600), then 504",
    "truncated": "cut the JSON body",
    "error_object": "answer 200 with nothing but an error in JSON",
    "blank_numbers": "leave size, price and amounts of trades that are not final yet empty; route /data/trades",
    "hidden_order": "show neither an order (404) nor trades; route /data, or one of both",
    "contradiction": "take an order, and answer with an error beside what it matched; route /order",
    "malformed_rows": "spoil a row: params.how = price_0, price_1, size_0, missing, text",
    "unlabelled_rows": "serve trades of the last params.seconds (default 60) without labels: outcome index 999",
    "unknown_type": "change a row's type to one never seen",
    "duplicate_border": "repeat the row at the border of offset pages (data v1)",
    "late_index": "index new fills params.seconds late (default 30)",
    "repeat_cursor": "hand out the same cursor again",
    "missing_cursor": "promise more without a cursor",
    "stale_cdn": "answer as of params.seconds ago (default 120)",
    "stuck_cache": "repeat the first answer to the same question, as a cache does that never looks again",
    "mute_socket": "keep the socket open, answer pings, send nothing",
    "late_socket": "deliver frames params.seconds late (default 30)",
    "close_socket": "close sockets, now and on connect; params.code (default 1006)",
    "reorg": "drop the last params.blocks (default 2); params.reinclude",
    "lagging_node": "every other RPC answer comes from params.blocks (default 5) behind",
    "forged_fill": "let a node show a trade that never was: params.wallet, token, side (BUY), shares (100), usdc (50)",
    "pending_reverts": "let a match that was seen pending fail in its block; upstream pending",
    "pending_replaced": "show a match pending that the operator then replaces by another one; upstream pending",
    "pending_late": "let a match that was seen pending be mined params.seconds (default 10) later; upstream pending",
    "forged_pending": "let a node show, once, a match that never was: params.how = operator, order, amounts; params as "
    "of forged_fill; upstream pending or pending2",
    "range_limit": "cap eth_getLogs at params.blocks (default 100)",
    "clock_skew": "shift the venue's clock by params.seconds",
    "empty_book": "serve a book with an empty side: params.side = bids, asks, both",
    "crossed_book": "serve a book whose best bid is above its best ask",
    "shuffled_book": "serve levels in no order",
    "engine": "refuse orders: params.mode = restarting (425), post_only, cancel_only, disabled (503), restart",
    "lost_message": "drop frames of the user channel; route /order or /trade picks which",
    "duplicate_message": "send frames of the user channel twice; route /order or /trade picks which",
    "strict_sells": "refuse market SELLs whose amounts have more than 2 and 4 decimals",
    "stale_tokens": "refuse SELLs of a token as more than is there, until its balance is refreshed",
    "delayed": "take orders with status delayed and match them after params.seconds (default 3)",
    "settlement_failed": "let a match fail on chain",
    "settlement_retry": "let a match reach the chain only params.seconds (default 5) later, after RETRYING",
    "indexing_errors": "let the subgraph admit hasIndexingErrors",
}


@dataclass(eq=False, kw_only=True)
class Fault:
    """One trouble, with its reach and its end."""

    id: int
    kind: str
    upstream: str = "*"
    route: str | None = None
    count: int | None = None
    until_ms: int | None = None
    probability: float = 1.0
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    hits: int = 0

    def number(self, name: str, default: float) -> float:
        """Return a numeric parameter."""
        value = self.params.get(name)
        return default if value is None else float(value)

    def spent(self, now_ms: int) -> bool:
        """Tell whether its count or its time has run out."""
        worn = self.count is not None and self.hits >= self.count
        return worn or (self.until_ms is not None and now_ms >= self.until_ms)

    def reaches(self, upstream: str, route: str) -> bool:
        """Tell whether it concerns a route of an upstream."""
        inside = self.upstream in {"*", upstream}
        return inside and (self.route is None or route.startswith(self.route))

    def record(self) -> dict[str, object]:
        """Return the fault as the control API shows it."""
        return asdict(self)


class Faults:
    """The troubles in force; every draw is seeded."""

    def __init__(self, seed: int) -> None:
        """Start with a venue in good health."""
        self._random = Random(f"faults-{seed}")
        self._ids = count(1)
        self.faults: list[Fault] = []

    def add(self, request: dict[str, Any], now_ms: int) -> Fault:
        """Put a fault in force; raise ValueError for a kind or upstream nobody knows."""
        kind, upstream = str(request.get("kind")), str(request.get("upstream", "*"))
        if kind not in KINDS:
            msg = f"unknown fault kind {kind!r}; known: {', '.join(KINDS)}"
            raise ValueError(msg)
        if upstream not in UPSTREAMS:
            msg = f"unknown upstream {upstream!r}; known: {', '.join(sorted(UPSTREAMS))}"
            raise ValueError(msg)
        seconds = request.get("seconds")
        fault = Fault(
            id=next(self._ids),
            kind=kind,
            upstream=upstream,
            route=request.get("route"),
            count=request.get("count"),
            until_ms=None if seconds is None else now_ms + round(float(seconds) * 1000),
            probability=float(request.get("probability", 1.0)),
            params=dict(request.get("params") or {}),
        )
        self.faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """End one fault, or all; return how many ended."""
        kept = [f for f in self.faults if fault_id is not None and f.id != fault_id]
        ended = len(self.faults) - len(kept)
        self.faults = kept
        return ended

    def take(self, kind: str, upstream: str, route: str, now_ms: int) -> Fault | None:
        """Return the fault that hits now, counting the hit."""
        if not self.faults:
            return None
        fault = self.find(kind, upstream, route, now_ms)
        if fault is None or self._random.random() >= fault.probability:
            return None
        fault.hits += 1
        return fault

    def find(self, kind: str, upstream: str, route: str, now_ms: int) -> Fault | None:
        """Return a fault in force, without counting a hit."""
        self.faults = [fault for fault in self.faults if not fault.spent(now_ms)]
        fitting = (f for f in self.faults if f.kind == kind and f.reaches(upstream, route))
        return next(fitting, None)

    def skew_ms(self, upstream: str, now_ms: int) -> int:
        """Return how far an upstream's clock is off."""
        fault = self.find("clock_skew", upstream, "", now_ms)
        return round(fault.number("seconds", 0) * 1000) if fault else 0

    def pick(self, size: int) -> int:
        """Return a seeded choice among `size` things."""
        return self._random.randrange(size)
