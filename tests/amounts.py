"""Amounts as tests write them: decimals, in micro-units."""

from decimal import Decimal
from typing import Any

from shared.domain.money import to_micro


def D(amount: str | int | Decimal) -> Any:  # noqa: N802 - money, shares, a price or a rate; short as a literal
    """Return an amount in micro-units."""
    return to_micro(amount if isinstance(amount, Decimal) else str(amount))
