"""Amounts and shares as people read them. Pure."""

from decimal import Decimal

from backtest.results.result import CannotTell
from shared.domain.money import MICRO


def doubt_percent(doubt: CannotTell) -> str:
    """Return the share of trades that a question concerns."""
    return f"{doubt.share:.0%}" if doubt.share >= Decimal("0.01") else "under 1%"


def usd_text(micro: int, *, sign: str = "-") -> str:
    """Return micro-units as pUSD with cents."""
    return format(Decimal(micro) / MICRO, f"{sign},.2f").replace("-", "−")  # noqa: RUF001 - a minus sign, for people


def signed_usd(micro: int) -> str:
    """Return micro-units as pUSD with cents and a sign, which 0 has none of."""
    return usd_text(micro, sign="+") if micro else "0.00"


def rate_text(part: int, whole: int) -> str:
    """Return a share in percent with its sign, a dash where there is no whole."""
    if not whole:
        return "—"
    return format(Decimal(part) / whole, "+.1%").replace("-", "−")  # noqa: RUF001
