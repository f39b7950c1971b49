"""Retractions in a run: a trade that is in no block any more is treated as the live buyer treats it.

What has not been decided is not followed; what was bought because of it is sold again (`ON_RETRACTION`), by the buyer's
own `Retractions`.
"""

from collections import OrderedDict, deque

from backtest.domain.market_events import FOREVER_MS
from backtest.simulation.run_journal import RunLedger
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.recovery.recent_purchases import Purchase
from buyer.recovery.retractions import Retractions
from buyer.strategy.limits import TradingLimits
from shared.clock import Clock
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import FillRetracted

MOST_BUYS = 50_000
"""Buys of late whose shares are remembered; a retraction comes minutes after its signal."""


class RunRetractions:
    """Keeps the retractions that are coming, in time order, and what was bought because of each signal.

    `gone` are the signals that were taken back by now, `next_ms` is when the next one will be.
    """

    def __init__(
        self, ledger: RunLedger, executor: BuyExecutor, exits: ExitStore, clock: Clock, limits: TradingLimits
    ) -> None:
        self._ledger = ledger
        self._coming: deque[tuple[int, FillRetracted]] = deque()
        self.gone: set[str] = set()
        self.next_ms = FOREVER_MS
        self._bought: OrderedDict[str, Purchase] = OrderedDict()
        journal = Journal(ledger, lambda: None)
        self._buyers = Retractions(executor, journal, exits, self._bought.get, limits=limits, clock=clock)

    def expect(self, at_ms: int, gone: FillRetracted) -> None:
        """Note that one is coming."""
        self._coming.append((at_ms, gone))
        self.next_ms = self._coming[0][0]

    def note_buy(self, decision: BuyEngineDecision) -> None:
        """Remember what a signal's buy got."""
        if decision.outcome is not None:
            self._bought[decision.signal_id] = Purchase(decision.outcome.shares, pending=False)
            while len(self._bought) > MOST_BUYS:
                self._bought.popitem(last=False)

    def take_next(self) -> None:
        """Take the next one: from now on its signal is followed no more, and what it made us buy is sold."""
        _, gone = self._coming.popleft()
        self.next_ms = self._coming[0][0] if self._coming else FOREVER_MS
        self.gone.add(gone.signal_id)
        if self._ledger.knows(f"decision:{gone.signal_id}"):
            self._buyers.take(gone)
