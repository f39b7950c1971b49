"""Fee rates that a history's own trades tell: a taker's row holds his fee, and so the rate of its market. Pure."""

from shared.domain.money import MICRO, Rate, Usdc, paid_fee
from shared.messages.signals import ActionableSignal, Fill

_STEP = 1000
"""Micro-units of a rate: the venue's rates are whole thousandths (venue reference 3.5)."""
_ROUNDING = 10
"""Micro-units of a fee, which has 5 decimals."""


def told_rate(signal: ActionableSignal) -> Rate | None:
    """Return the rate that the fee of a trade proves; None where no fill tells one, or it fits no whole rate."""
    return next((rate for fill in signal.fills if (rate := _rate_of(fill))), None)


def _rate_of(fill: Fill) -> Rate | None:
    if not fill.fee or not 0 < fill.usdc < fill.shares:
        return None
    exact = fill.fee * fill.shares * MICRO / (fill.usdc * (fill.shares - fill.usdc))
    rate = Rate(round(exact / _STEP) * _STEP)
    fits = abs(paid_fee(fill.shares, Usdc(fill.usdc), rate) - fill.fee) <= _ROUNDING
    return rate if rate and fits else None
