"""The buffer between push connections and their source: bounded, and awake at once.

A push row carries no log index, so nothing tells a second equal fill from a message sent twice. So equal rows of one
transaction count once, whichever connection brings them and however often: what is missing then, the sources that can
count (chain logs, Data API) bring as a supplement, and a repeated message never makes a fill (pitfall 7).
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from detector.domain.fill_view import FillView
from detector.domain.source_port import Batch
from shared.clock import Clock
from shared.polymarket.wire.leader_fills import LeaderFill

MOST_WAITING = 10_000
"""Transactions that wait while Redis is away; the oldest leave first, for the other sources to bring."""
MOST_PROBLEMS = 100  # a feed of nothing but garbage must not fill the memory


@dataclass(slots=True)
class _TransactionRows:
    """A leader's distinct rows of one transaction, and when the last of them came."""

    seen_at_ms: int = 0
    fills: dict[tuple[str, str, int, int], LeaderFill] = field(
        default_factory=dict[tuple[str, str, int, int], LeaderFill]
    )

    def add(self, fill: LeaderFill, seen_at_ms: int) -> None:
        name = (fill.token_id, fill.side, fill.shares_micro, fill.usdc_micro)
        if name not in self.fills:
            self.fills[name] = fill
            self.seen_at_ms = seen_at_ms


class PushBuffer:
    """Rows of several connections; safe to use from any thread.

    Rows of one transaction that arrive together leave together as one view, with no delay added.
    """

    def __init__(self, source: str, clock: Clock, *, most: int = MOST_WAITING) -> None:
        self._source, self._clock, self._most = source, clock, most
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._transactions: OrderedDict[tuple[str, str], _TransactionRows] = OrderedDict()
        self._problems: list[str] = []
        self._rows = 0
        self.dropped = 0

    def put(self, fill: LeaderFill, seen_at_ms: int) -> None:
        """Put in a row."""
        with self._lock:
            self._rows += 1
            self._transactions.setdefault((fill.leader, fill.tx_hash), _TransactionRows()).add(fill, seen_at_ms)
            while len(self._transactions) > self._most:
                self._transactions.popitem(last=False)
                self.dropped += 1
        self._news.set()

    def complain(self, problem: str) -> None:
        """Put in what could not be read."""
        with self._lock:
            if len(self._problems) < MOST_PROBLEMS:
                self._problems.append(problem)
        self._news.set()

    def wake(self) -> None:
        """Wake whoever waits for a batch."""
        self._news.set()

    def next_batch(self, seconds: float) -> Batch | None:
        """Return everything that is there, as soon as there is something; None after `seconds` without."""
        self._clock.wait(self._news, seconds)
        with self._lock:
            self._news.clear()  # under the lock: a row that comes now sets it again
            if not self._transactions and not self._problems:
                return None
            views = tuple(
                FillView(self._source, rows.seen_at_ms, tuple(rows.fills.values()))
                for rows in self._transactions.values()
            )
            batch = Batch(self._source, views, rows=self._rows, problems=tuple(self._problems))
            self._transactions.clear()
            self._problems, self._rows = [], 0
        return batch
