"""What a run knows of its leaders beside the ledger: what they hold, by every trade, and when they sold last."""

from collections import OrderedDict

from backtest.results.pnl import LeaderSums
from backtest.simulation.run_journal import RunLedger
from shared.domain.ledger_accounts import behind_account, lot_key, shares_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import GATHERED
from shared.messages.decisions import LeaderSales
from shared.messages.signals import ActionableSignal
from shared.messages.value_codec import write_value

MOST_SALES = 50_000
"""Sales of late that are remembered; a buy told later than that many others is stale anyway."""


class LeaderMemory:
    """Tells the ledger of a run what the live buyer would know; nothing where it knows that already."""

    def __init__(self, ledger: RunLedger, theirs: LeaderSums) -> None:
        self._ledger, self._theirs = ledger, theirs
        self._sold_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    def before(self, signal: ActionableSignal) -> None:
        """Tell what a decision on `signal` needs."""
        lot = signal.leader, signal.token_id
        if signal.side == "BUY":
            sold_at_ms = self._sold_at.get(lot, 0)
            if sold_at_ms > signal.traded_at_ms:
                sales = LedgerRecord(GATHERED, f"{lot_key(*lot)}:SELL", write_value(LeaderSales(since_ms=sold_at_ms)))
                self._ledger.commit(LedgerWrite(id=f"sales:{signal.id}", records=(sales,)))
            return
        self._sold_at[lot] = max(signal.traded_at_ms, self._sold_at.pop(lot, 0))
        if len(self._sold_at) > MOST_SALES:
            self._sold_at.popitem(last=False)
        if self._ledger.values.get(shares_account(*lot)):
            self._tell_position(signal)

    def _tell_position(self, signal: ActionableSignal) -> None:
        """Raise what stands behind a lot to what the leader held before this sale."""
        position = self._theirs.positions.get(signal.token_id, {}).get(signal.leader)
        account = behind_account(signal.leader, signal.token_id)
        missing = (position.shares if position else 0) + signal.shares - self._ledger.values.get(account, 0)
        if missing > 0:
            self._ledger.commit(LedgerWrite(id=f"position:{signal.id}", postings=((account, missing),)))
