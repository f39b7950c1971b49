"""The witnesses of a fill: who showed it, and whether that is enough to act on. Pure.

The venue's own feeds tell what its exchange matched: their word stands by itself. What only a node shows (a log, an
index of logs) is vouched for by whoever runs that node: one that is wrong, or lies, must not cost money (pitfall 48).
"""

from collections.abc import Collection

SECOND_NODE = "second_node"
PENDING, PROOF = "pending", "proof"
"""What is proven by the operator's and the leader's signatures, before and after its block: the venue's own word,
whichever node passed it on."""
NODES = frozenset({"chain_logs", "subgraph", SECOND_NODE})
"""Sources that are somebody's node; all others are the venue's own."""


def shown_by_venue(sources: Collection[str]) -> bool:
    """Say whether the venue itself is among those who showed it."""
    return any(source not in NODES for source in sources)


def is_corroborated(sources: Collection[str], nodes: int) -> bool:
    """Say whether these sources together are believed: the venue's own, or so many nodes."""
    return shown_by_venue(sources) or len(set(sources)) >= nodes
