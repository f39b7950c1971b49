"""Each fault of the simulator, as the detector's benchmark switches it on: all of a run long, on some of the answers.

Faults of the order books never reach a detector; they are here so that the table is whole.
"""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Trouble:
    """One fault; `every_s` does it again and again (what happens at once), else it stays in force."""

    name: str
    kind: str
    upstream: str = "*"
    probability: float = 1.0
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    every_s: float = 0.0
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def wish(self) -> dict[str, Any]:
        """Return it as the simulator's control port takes it."""
        return {"probability": self.probability, "params": self.params}


DROPPED, REVERTED = "reorg dropped", "pending reverts"
TAKEN_BACK = (DROPPED, REVERTED)
"""Faults of which each signal must be retracted, and there must be some. A match that is sent again stays a signal."""
_CHAIN_ALONE = {"sources": "chain_logs", "overlap_blocks": "60"}
"""Only what the chain's source had shown in a block can be seen to vanish from it, so it watches alone here: then each
signal of a dropped fill must be retracted, and there must be some."""

_PENDING = {"pending_urls": "the venue's", "pending_blocks": "30"}
"""The nodes' URLs are the venue's, which is not up yet."""

ALL_FIVE = Trouble("all five", "pending_reverts", "pending", 0.1, settings={"sources": "+subgraph", **_PENDING})
"""Every source at once, and a tenth of what is seen pending fails in its block."""
SENT_AGAIN = replace(ALL_FIVE, kind="pending_replaced", probability=0.3)
KILLED: dict[str, tuple[Trouble, tuple[str, ...]]] = {
    "pending first": (ALL_FIVE, ()),
    "push first": (ALL_FIVE, ("--rtds-delay", "0.2")),
    "chain first": (ALL_FIVE, ("--chain-delay", "0.2", "--rtds-delay", "4")),
    "data first": (ALL_FIVE, ("--data-delay", "0.2", "--rtds-delay", "4", "--chain-delay", "6")),
    "sent again": (SENT_AGAIN, ()),
}
"""Runs of all five sources with kills: the order in which they show a fill is in words for the simulator."""

FAULTS = (
    Trouble("http_429", "http_429", probability=0.2, params={"retry_after": 1}),
    Trouble("http_429 silent", "http_429", probability=0.2),
    Trouble("http_5xx", "http_5xx", probability=0.3),
    Trouble("html_403", "html_403", "data", 0.3),
    Trouble("rpc dead", "http_5xx", "rpc"),
    Trouble("data dead", "http_5xx", "data"),
    Trouble("timeout", "timeout", "data", 0.2),
    Trouble("slow", "slow", probability=0.5, params={"seconds": 1}),
    Trouble("truncated", "truncated", probability=0.3),
    Trouble("error_object", "error_object", probability=0.3),
    Trouble("malformed price_0", "malformed_rows", "data", 0.5, {"how": "price_0"}),
    Trouble("malformed size_0", "malformed_rows", "data", 0.5, {"how": "size_0"}),
    Trouble("malformed missing", "malformed_rows", "data", 0.5, {"how": "missing"}),
    Trouble("malformed text", "malformed_rows", "data", 0.5, {"how": "text"}),
    Trouble("unlabelled_rows", "unlabelled_rows", "data", 0.5, {"seconds": 60}),
    Trouble("unknown_type", "unknown_type", "data", 0.5),
    Trouble("duplicate_border v1", "duplicate_border", "data", settings={"data_api_version": "v1"}),
    Trouble("late_index", "late_index", "data", 0.5, {"seconds": 5}),
    Trouble("repeat_cursor", "repeat_cursor", "data", 0.3),
    Trouble("missing_cursor", "missing_cursor", "data", 0.3),
    Trouble("stale_cdn", "stale_cdn", "data", 0.5, {"seconds": 10}),
    Trouble("stuck_cache", "stuck_cache", "data"),
    Trouble("mute_socket", "mute_socket", "rtds"),
    Trouble("late_socket", "late_socket", "rtds", params={"seconds": 8}),
    Trouble("close_socket", "close_socket", "rtds", every_s=2.0),
    Trouble("reorg mined again", "reorg", params={"blocks": 40, "reinclude": True}, every_s=3.0),
    Trouble(DROPPED, "reorg", params={"blocks": 40}, every_s=2.0, settings=_CHAIN_ALONE),
    Trouble(REVERTED, "pending_reverts", "pending", 0.2, settings=_PENDING),
    Trouble("pending replaced", "pending_replaced", "pending", 0.2, settings=_PENDING),
    Trouble("pending late", "pending_late", "pending", 0.2, {"seconds": 20}, settings=_PENDING),
    Trouble("lagging_node", "lagging_node", "rpc", params={"blocks": 20}),
    Trouble("range_limit", "range_limit", "rpc", params={"blocks": 50}),
    Trouble("clock_skew ahead", "clock_skew", params={"seconds": 30}),
    Trouble("clock_skew behind", "clock_skew", params={"seconds": -30}),
    Trouble("empty_book", "empty_book", "clob"),
    Trouble("crossed_book", "crossed_book", "clob"),
    Trouble("shuffled_book", "shuffled_book", "clob"),
    Trouble("indexing_errors", "indexing_errors", "subgraph", settings={"sources": "+subgraph"}),
)
