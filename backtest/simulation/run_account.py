"""The account of a run over time: what it is worth after each order and payout, and what was realized in between."""

from itertools import repeat

from backtest.results.equity_curve import EquityCurve
from backtest.results.mark_to_market import LotValuation
from backtest.results.result import EquityPoint
from backtest.simulation.run_journal import RunLedger
from shared.domain import ledger_accounts

_EQUITY = (ledger_accounts.CASH, ledger_accounts.DEPOSITED, ledger_accounts.REALIZED, ledger_accounts.FEES)


class RunAccount:
    """Reads the run's ledger and keeps the equity curve; open lots count by their `value`."""

    def __init__(self, ledger: RunLedger, value: LotValuation) -> None:
        self._ledger, self._value = ledger, value
        self._realized = 0
        self.curve = EquityCurve()

    def newly_realized(self) -> int:
        """Return what was realized since the last order or payout (micro-units)."""
        before, self._realized = self._realized, self._ledger.values.get(ledger_accounts.REALIZED, 0)
        return self._realized - before

    def add_point(self, at_ms: int) -> None:
        """Take in what the account is worth now."""
        cash, deposited, realized, fees = map(self._ledger.values.get, _EQUITY, repeat(0))
        self._realized = realized
        self.curve.add_point(EquityPoint(at_ms, cash, deposited + realized - cash, self._value.total, realized, fees))
