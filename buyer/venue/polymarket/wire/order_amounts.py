"""The amounts that an order offers and asks for in base units, rounded as the venue and its SDK round. Pure.

Source: venue reference 3.4; `polymarket-client` 0.14.0, `orders/context.py`, `limit.py` and `market.py`. A market order
(FAK, FOK) that buys is bounded by collateral with two decimals, one that rests (GTC, GTD) by shares. Where the SDK's
orders are refused ours differ: a market buy asks for shares of four decimals at most, on every tick.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import gcd
from typing import Literal

from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import floor_to, to_micro, truncate_micro

Kind = Literal["FAK", "FOK", "GTC", "GTD"]
RESTING: frozenset[str] = frozenset({"GTC", "GTD"})
SIZE_PLACES = 2
"""Decimals of shares, and of the collateral of a market buy, for every tick."""
MARKET_PLACES = 4
"""Decimals of the shares that a market buy asks for, on every tick; live, sells of more were refused as well."""
AMOUNT_PLACES = {
    Decimal("0.1"): 3,
    Decimal("0.01"): 4,
    Decimal("0.005"): 5,
    Decimal("0.0025"): 6,
    Decimal("0.001"): 5,
    Decimal("0.0001"): 6,
}
"""Decimals of the computed amount by tick."""
_PRICE_PLACES = 4
_GUARD_PLACES = 4
"""The SDK rounds up this many places below the last one first, so that 9.99999999 stays 10."""


@dataclass(frozen=True)
class OrderAmounts:
    """Base units (10^-6): `maker` is what we give, `taker` what we want for it at the limit price."""

    maker: int
    taker: int


def order_amounts(
    side: Side, kind: Kind, quantity: Decimal, price: Decimal, tick: Decimal, *, coarse: bool = False
) -> OrderAmounts:
    """Return what an order of `quantity` at `price` offers and asks for; its own price is never better than `price`.

    Args:
        side: Ours.
        kind: FAK and FOK match at once, GTC and GTD may rest.
        quantity: Shares; for a FAK or FOK that buys, collateral before fees.
        price: The worst price, on the tick grid.
        tick: The market's tick.
        coarse: Offer only so many shares for sale as make a product of four decimals.

    Raises:
        Malformed: the tick is unknown, the price stands off its grid, or nothing is left after rounding.
    """
    places = _places(price, tick)
    given = truncate_micro(quantity, SIZE_PLACES)
    if side == "SELL":
        given = _coarse(given, price) if coarse else given
        found = OrderAmounts(to_micro(given), to_micro(_rounded(given * price, places)))
    elif kind in RESTING:
        found = OrderAmounts(to_micro(_rounded(given * price, places)), to_micro(given))
    else:
        found = OrderAmounts(to_micro(given), to_micro(_rounded(given / price, min(places, MARKET_PLACES))))
    if found.maker <= 0 or found.taker <= 0:
        raise Malformed(f"{side} {quantity} at {price} rounds to nothing")
    return found


def _places(price: Decimal, tick: Decimal) -> int:
    if tick not in AMOUNT_PLACES:
        raise Malformed(f"tick {tick} is none that the venue knows")
    if not tick <= price <= 1 - tick or price % tick:
        raise Malformed(f"price {price} breaks minimum tick size rule: {tick}")
    return AMOUNT_PLACES[tick]


def _coarse(shares: Decimal, price: Decimal) -> Decimal:
    """Cut shares (two decimals) until they make at most four decimals of collateral: at 0.5123 whole shares do."""
    beyond = 10 ** (_PRICE_PLACES + SIZE_PLACES - MARKET_PLACES)
    hundredths = beyond // gcd(int(price.scaleb(_PRICE_PLACES)), beyond)
    return floor_to(shares, Decimal(hundredths).scaleb(-SIZE_PLACES))


def _rounded(value: Decimal, places: int) -> Decimal:
    """Cut to `places`: shares rounded up would push the price over the limit (pitfall 17)."""
    guarded = _cut(value, places + _GUARD_PLACES, ROUND_CEILING)
    return _cut(guarded, places, ROUND_FLOOR)


def _cut(value: Decimal, places: int, rounding: str) -> Decimal:
    exponent = value.normalize().as_tuple().exponent
    fits = isinstance(exponent, int) and -exponent <= places
    return value if fits else value.quantize(Decimal(1).scaleb(-places), rounding)
