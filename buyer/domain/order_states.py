"""The states of an order, which may follow which, and which are final. Pure.

INTENT is ours alone; SUBMITTED to UNKNOWN is what the venue said at once; the rest is what became of it.
"""

from shared.messages.decisions import OrderState, Outcome

NEXT: dict[OrderState, frozenset[OrderState]] = {
    "INTENT": frozenset({"SUBMITTED", "LIVE", "DELAYED", "MATCHED", "REJECTED", "UNKNOWN", "CANCELLED"}),
    "SUBMITTED": frozenset({"LIVE", "DELAYED", "MATCHED", "REJECTED", "UNKNOWN", "CANCELLED"}),
    "UNKNOWN": frozenset({"LIVE", "DELAYED", "MATCHED", "REJECTED", "CANCELLED"}),
    "LIVE": frozenset({"MATCHED", "CONFIRMED", "FAILED", "CANCELLED"}),
    "DELAYED": frozenset({"LIVE", "MATCHED", "CONFIRMED", "FAILED", "CANCELLED"}),
    "MATCHED": frozenset({"CONFIRMED", "FAILED", "CANCELLED"}),
    "REJECTED": frozenset(),
    "CONFIRMED": frozenset(),
    "FAILED": frozenset(),
    "CANCELLED": frozenset(),
}
"""What may follow; nothing follows a final state."""

_PROVISIONAL: frozenset[OrderState] = frozenset({"LIVE", "DELAYED", "MATCHED"})


def is_provisional(mode: str, outcome: Outcome) -> bool:
    """Say whether an outcome can still change: live, until trades confirm or fail; a paper fill is final at once."""
    return mode == "live" and outcome.state in _PROVISIONAL


def may_follow(before: OrderState, after: OrderState) -> bool:
    """Say whether an order in state `before` can move to `after`."""
    return after in NEXT[before]
