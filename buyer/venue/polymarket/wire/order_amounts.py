"""The amounts that an order offers and asks for in base units, rounded as the venue and its SDK round. Pure.

Source: venue reference 3.4; `polymarket-client` 0.14.0, `orders/context.py`, `limit.py` and `market.py`. A market order
(FAK, FOK) that buys is bounded by collateral with two decimals, one that rests (GTC, GTD) by shares. Where the SDK's
orders are refused ours differ: a market buy asks for shares of four decimals at most, on every tick.
"""

from dataclasses import dataclass
from math import gcd
from typing import Literal

from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import MICRO, Price, ceil_to, floor_to, micro_text

Kind = Literal["FAK", "FOK", "GTC", "GTD"]
RESTING: frozenset[str] = frozenset({"GTC", "GTD"})
SIZE_PLACES = 2
"""Decimals of shares, and of the collateral of a market buy, for every tick."""
MARKET_PLACES = 4
"""Decimals of the shares that a market buy asks for, on every tick; live, sells of more were refused as well."""
AMOUNT_PLACES = {100_000: 3, 10_000: 4, 5_000: 5, 2_500: 6, 1_000: 5, 100: 6}
"""Decimals of the computed amount by tick, in micro-units."""
_PRICE_PLACES = 4
_PRODUCT_PLACES = 12
"""Decimals of a product of two numbers of micro-units."""
_HUNDREDTH = MICRO // 10**SIZE_PLACES
_GUARD_PLACES = 4
"""The SDK rounds up this many places below the last one first, so that 9.99999999 stays 10."""


@dataclass(frozen=True)
class OrderAmounts:
    """Base units (10^-6): `maker` is what we give, `taker` what we want for it at the limit price."""

    maker: int
    taker: int


def order_amounts(
    side: Side, kind: Kind, quantity: int, price: Price, tick: Price, *, coarse: bool = False
) -> OrderAmounts:
    """Return what an order of `quantity` at `price` offers and asks for; its own price is never better than `price`.

    Args:
        side: Ours.
        kind: FAK and FOK match at once, GTC and GTD may rest.
        quantity: Shares; for a FAK or FOK that buys, collateral before fees; in micro-units.
        price: The worst price, on the tick grid.
        tick: The market's tick.
        coarse: Offer only so many shares for sale as make a product of four decimals.

    Raises:
        Malformed: the tick is unknown, the price stands off its grid, or nothing is left after rounding.
    """
    places = _places(price, tick)
    given = floor_to(quantity, _HUNDREDTH)
    if side == "SELL":
        given = _coarse(given, price) if coarse else given
        found = OrderAmounts(given, _rounded(given * price, 1, places))
    elif kind in RESTING:
        found = OrderAmounts(_rounded(given * price, 1, places), given)
    else:
        found = OrderAmounts(given, _rounded(given * MICRO**2, price, min(places, MARKET_PLACES)))
    if found.maker <= 0 or found.taker <= 0:
        raise Malformed(f"{side} {micro_text(quantity)} at {micro_text(price)} rounds to nothing")
    return found


def _places(price: Price, tick: Price) -> int:
    if tick not in AMOUNT_PLACES:
        raise Malformed(f"tick {micro_text(tick)} is none that the venue knows")
    if not tick <= price <= MICRO - tick or price % tick:
        raise Malformed(f"price {micro_text(price)} breaks minimum tick size rule: {micro_text(tick)}")
    return AMOUNT_PLACES[tick]


def _coarse(shares: int, price: Price) -> int:
    """Cut shares (two decimals) until they make at most four decimals of collateral: at 0.5123 whole shares do."""
    beyond = 10 ** (_PRICE_PLACES + SIZE_PLACES - MARKET_PLACES)
    hundredths = beyond // gcd(price * 10**_PRICE_PLACES // MICRO, beyond)
    return floor_to(shares, hundredths * _HUNDREDTH)


def _rounded(product: int, by: int, places: int) -> int:
    """Return a product of micro-units, divided and cut to `places`, in micro-units.

    Shares rounded up would push the price over the limit (pitfall 17).
    """
    guard, last = (10 ** (_PRODUCT_PLACES - cut) for cut in (places + _GUARD_PLACES, places))
    guarded = ceil_to(-(-product // by), guard)
    return floor_to(guarded, last) // MICRO
