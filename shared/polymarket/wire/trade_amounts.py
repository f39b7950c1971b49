"""The amounts of a trade as rows of the venue tell them: shares, collateral and the fee kept beside it. Pure.

A trade's price is its row's `price`, which knows no fee; `usdc_size` includes the taker's fee (venue reference 1.1).

| rows | collateral | fee |
|---|---|---|
| BUY since CLOB V2 | size x price | usdc_size - collateral |
| SELL, always | size x price | collateral - usdc_size |
| BUY before CLOB V2 | usdc_size = price x shares before the fee | in shares: what `size` lacks of them |

A price has 10 decimals, so of more than 10,000 shares the product is off by micro-units. Fees have 5 decimals: where
the fee that the row implies lies that near to one, it is that one, and the collateral is exact again.
"""

from decimal import Decimal
from typing import NamedTuple

from shared.domain.market import Side
from shared.domain.money import MICRO, Price, Shares, Usdc, price_of, to_micro

CLOB_V2_SINCE_MS = 1_777_374_000_000
"""2026-04-28 11:00 UTC: from then on the fee is charged in collateral, no more in the shares bought."""
_FEE_STEP = 10
"""Micro-units: fees have 5 decimals."""
_SHARES_PER_DOUBT = 20_000
"""Shares of which a price of 10 decimals leaves one micro-unit of collateral open."""


class TradeAmounts(NamedTuple):
    """What a trade moved, in micro-units: `shares` came or went, `usdc` is fee-free, a fee is in one or the other."""

    shares: int
    usdc: int
    fee: int = 0
    fee_shares: int = 0

    @property
    def price(self) -> Price:
        """Return what a share cost before the fee."""
        return price_of(Usdc(self.usdc), Shares(self.shares + self.fee_shares))


def amounts_of(side: Side, size: Decimal, price: Decimal, paid: Decimal | None, traded_at_ms: int) -> TradeAmounts:
    """Return the amounts of a row; `paid` is its `usdc_size`, None where it has none.

    A row whose price cannot be one, or that paid less than its own price asks, has its collateral from `paid` alone.

    Raises:
        Malformed: an amount is no finite number.
    """
    shares, product = to_micro(size), size * price
    if paid is None:
        return TradeAmounts(shares, to_micro(product))
    usdc = to_micro(paid)
    if not 0 < price < 1:
        return TradeAmounts(shares, usdc)
    if side == "BUY" and traded_at_ms < CLOB_V2_SINCE_MS:
        return TradeAmounts(shares, usdc, fee_shares=_lacking(shares, usdc, price))
    fee = _fee(paid - product if side == "BUY" else product - paid, shares)
    return TradeAmounts(shares, usdc - fee if side == "BUY" else usdc + fee, fee)


def price_doubt_micro(shares: int) -> int:
    """Return by how many micro-units size x price may miss the collateral of so many micro-shares."""
    return (2 * shares + _SHARES_PER_DOUBT * MICRO) // (2 * _SHARES_PER_DOUBT * MICRO)


def _fee(told: Decimal, shares: int) -> int:
    """Return the fee that a row implies, in micro-units; 0 where it would be negative: never seen (N1)."""
    exact = told * MICRO
    near = round(exact / _FEE_STEP) * _FEE_STEP
    doubt = max(Decimal("0.5"), Decimal(shares) / (_SHARES_PER_DOUBT * MICRO))
    return max(0, near if abs(exact - near) <= doubt else to_micro(told))


def _lacking(shares: int, usdc: int, price: Decimal) -> int:
    """Return how many micro-shares less came than were paid for; 0 where that is rounding."""
    lacking = round(Decimal(usdc) / price) - shares
    return lacking if lacking * price > max(1, price_doubt_micro(shares)) else 0
