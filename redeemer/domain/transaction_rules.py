"""Bounds for sending transactions of our own. Pure."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class TransactionRules:
    """Bounds of sending: `cap` in wei for one gas, `confirmations` in blocks, `pol_warning` in wei."""

    chain_id: int
    cap: int
    confirmations: int
    stuck_after_ms: int
    pol_warning: int
    pol_price: Decimal
