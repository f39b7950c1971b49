"""How large an order is: values in, a size out. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from buyer.fills import dearest_fee
from shared.market import MarketFacts, Side
from shared.money import MICRO, ceil_to, cost_micro, floor_to, to_micro, truncate

SIZE_PLACES = 2
"""Decimals of an order's shares, for every tick (venue reference 3.4)."""

TICKS = tuple(Decimal(text) for text in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"))
"""Every tick the venue knows (venue reference 3.4)."""


@dataclass(frozen=True)
class Size:
    """Shares to order (two decimals) and the most they can cost with fees, in micro-units; `bumped` to the minimum."""

    shares: Decimal
    budget: int
    bumped: bool = False


def limit_price(
    leader_price: Decimal, side: Side, tick: Decimal, slippage_ticks: int, slippage_pct: Decimal
) -> Decimal:
    """Return the worst price we accept: the leader's, plus the larger of both allowances, on the tick grid.

    Rounded towards the leader's price, so the allowance is never exceeded, and kept within [tick, 1 - tick].
    """
    allowance = max(tick * slippage_ticks, leader_price * slippage_pct / 100)
    buying = side == "BUY"
    price = floor_to(leader_price + allowance, tick) if buying else ceil_to(leader_price - allowance, tick)
    return min(max(price, tick), 1 - tick)


def buy_size(stake: Decimal, limit: Decimal, facts: MarketFacts, *, bump: bool) -> Size:
    """Return how many shares `stake` collateral buys at `limit`, fees on top.

    Below the market's minimum the size is 0, or the minimum when `bump` is set; caps are checked on the result,
    so a bump never breaks one (trap 18).
    """
    shares = truncate(stake / limit, SIZE_PLACES)
    minimum = ceil_to(facts.min_shares, Decimal(1).scaleb(-SIZE_PLACES))
    bumped = shares < minimum and bump
    if bumped:
        shares = minimum
    elif shares < minimum:
        shares = Decimal(0)
    micro = to_micro(shares)
    return Size(shares, cost_micro(micro, limit) + dearest_fee(micro, limit, facts) if micro else 0, bumped)


def sell_size(lot_shares: int) -> Decimal:
    """Return a whole lot (micro-shares) in shares the venue takes; what is left below 0.01 is dust."""
    return truncate(Decimal(lot_shares) / MICRO, SIZE_PLACES)
