"""What a run knows of its leaders beside the ledger: what they hold, by every trade, when they sold last, and paid.

Of what others paid a history knows its other leaders alone; the live buyer hears everybody, from the market channel.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping

from backtest.results.pnl import LeaderSums
from backtest.simulation.run_journal import RunLedger
from buyer.domain.others_paid import MOST_PRINTS, AskedOthers, TradePrint, paid_lately
from buyer.strategy.decision_context import nobody_paid
from buyer.strategy.limits import TradingLimits
from shared.clock import Clock
from shared.domain.ledger_accounts import behind_account, lot_key, shares_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import GATHERED
from shared.messages.decisions import LeaderSales
from shared.messages.signals import ActionableSignal

MOST_SALES = 50_000
"""Sales of late that are remembered; a buy told later than that many others is stale anyway."""


class LeaderMemory:
    """Tells the ledger of a run what the live buyer would know; nothing where it knows that already."""

    def __init__(self, ledger: RunLedger, theirs: LeaderSums, clock: Clock, limits: TradingLimits) -> None:
        self._ledger, self._theirs, self._clock = ledger, theirs, clock
        self._asks = bool(limits.max_over_others_pct or limits.leader_limits)
        self._paid: dict[str, dict[str, deque[TradePrint]]] = {}
        self._sold_at: OrderedDict[tuple[str, str], int] = OrderedDict()

    def see(self, signal: ActionableSignal, at_ms: int) -> None:
        """Take in a trade, when it happens."""
        if not self._asks:
            return
        paid = self._paid.get(signal.token_id)
        if paid is None:
            paid = self._paid[signal.token_id] = {}
        his = paid.get(signal.leader)
        if his is None:
            his = paid[signal.leader] = deque(maxlen=MOST_PRINTS)
        his.append(TradePrint(at_ms, signal.price, signal.shares, ""))

    def forget(self, token_id: str) -> None:
        """Forget what was paid for a token whose market is over."""
        self._paid.pop(token_id, None)

    def others(self, signal: ActionableSignal) -> AskedOthers:
        """Return what asks for what other leaders paid for a signal's token."""
        paid = self._paid.get(signal.token_id)
        if not paid or (len(paid) == 1 and signal.leader in paid):
            return nobody_paid
        return lambda: paid_lately(_of_others(paid, signal.leader), self._clock.now_ms())

    def before(self, signal: ActionableSignal) -> None:
        """Tell what a decision on `signal` needs."""
        if signal.side == "BUY" and not self._sold_at:
            return
        lot = signal.leader, signal.token_id
        if signal.side == "BUY":
            sold_at_ms = self._sold_at.get(lot, 0)
            if sold_at_ms > signal.traded_at_ms:
                sales = LedgerRecord(GATHERED, f"{lot_key(*lot)}:SELL", LeaderSales(since_ms=sold_at_ms))
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


def _of_others(paid: Mapping[str, Iterable[TradePrint]], leader: str) -> Iterator[TradePrint]:
    return (told for whose, prints in paid.items() if whose != leader for told in prints)
