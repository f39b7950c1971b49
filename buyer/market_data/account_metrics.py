"""The account's numbers as Prometheus metrics: what it holds, what it brought, and what stops it."""

from collections.abc import Mapping

from shared import metrics
from shared.domain.ledger_accounts import DAY_MS, days_accounts
from shared.domain.money import MICRO
from shared.domain.trading_controls import NOTES
from shared.messages.account import EquityPoint

PARTS = ("equity", "cash", "cost", "realized", "fees", "deposited")
_UNKNOWN = float("nan")


def show_account(mode: str, values: Mapping[str, int], point: EquityPoint, lots: int) -> None:
    """Show an account as it is now: `values` are its ledger's, `lots` how many are open."""
    money = metrics.make_gauge("account_usdc", "Money of the account, by part.", "mode", "part")
    for part in PARTS:
        money.labels(mode, part).set(_usdc(getattr(point, part)))
    spent, realized, *_ = days_accounts(point.at_ms // DAY_MS)
    money.labels(mode, "spent_today").set(_usdc(values.get(spent, 0)))
    money.labels(mode, "realized_today").set(_usdc(values.get(realized, 0)))
    metrics.make_gauge("open_lots", "Lots that are held.", "mode").labels(mode).set(lots)
    on = metrics.make_gauge("control_on", "1 while a control of orders or redemptions is on.", "mode", "control")
    for account, control in NOTES.items():
        on.labels(mode, control).set(bool(values.get(account)))


def _usdc(micro: int | None) -> float:
    """Return an amount as a metric holds it; nothing is reckoned with it here."""
    return _UNKNOWN if micro is None else micro / MICRO
