"""The board of nodes: who showed how many proven matches, how often first, and by how much later than the first."""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from statistics import median

from shared import metrics

MOST_MATCHES = 20_000
"""Matches whose first sight is remembered."""
MOST_LEADS = 1000


@dataclass(slots=True)
class _NodeCounts:
    seen: int = 0
    first: int = 0
    behind_ms: deque[int] = field(default_factory=lambda: deque[int](maxlen=MOST_LEADS))


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """One node's share of the proven matches that any node showed, and its median delay behind the first."""

    node: str
    seen: int
    first: int
    coverage: float
    behind_ms: int


class NodeBoard:
    """Counts of all nodes; any thread's."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._lock = threading.Lock()
        self._nodes = {node: _NodeCounts() for node in nodes}
        self._first_at: OrderedDict[str, tuple[int, set[str]]] = OrderedDict()
        self._matches = 0
        self._seen = metrics.make_counter("pending_seen_total", "Proven matches that a node showed.", "node")
        self._leads = metrics.make_counter("pending_first_total", "Proven matches that a node showed first.", "node")

    def note(self, tx_hash: str, node: str, seen_at_ms: int) -> None:
        """Take in that a node showed a match that is proven."""
        with self._lock:
            first_at_ms, shown_by = self._first_at.setdefault(tx_hash, (seen_at_ms, set()))
            if node in shown_by:
                return
            counts = self._nodes[node]
            counts.seen += 1
            self._seen.labels(node).inc()
            if not shown_by:
                self._matches += 1
                counts.first += 1
                self._leads.labels(node).inc()
            counts.behind_ms.append(max(0, seen_at_ms - first_at_ms))
            shown_by.add(node)
            if len(self._first_at) > MOST_MATCHES:
                self._first_at.popitem(last=False)

    def standings(self) -> tuple[NodeStanding, ...]:
        """Return how each node does."""
        with self._lock:
            return tuple(
                NodeStanding(
                    node,
                    counts.seen,
                    counts.first,
                    round(counts.seen / self._matches, 4) if self._matches else 0.0,
                    round(median(counts.behind_ms)) if counts.behind_ms else 0,
                )
                for node, counts in self._nodes.items()
            )
