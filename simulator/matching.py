"""What an order would take from a book. Nothing here changes anything."""

from dataclasses import dataclass
from math import inf

from simulator.amounts import PRICE_ONE, cost
from simulator.book import Levels
from simulator.order_form import OrderForm


@dataclass(frozen=True, slots=True)
class Leg:
    """What one level gives, priced as the order's own token: units of 1/10000 and micro-units."""

    price: int
    shares: int
    usdc: int


def legs_of(form: OrderForm, bids: Levels, asks: Levels) -> list[Leg]:
    """Return what an order meets in the book of its token, best price first.

    The contract compares the signed amounts themselves, so a rounded price that falls short of an ask by a
    millionth does not reach it. A market BUY goes on until its sum is spent, whatever number of shares that gives.
    """
    buying = form.side == "BUY"
    levels = asks if buying else bids
    shares_left = inf if form.by_value else form.shares
    usdc_left = form.usdc if form.by_value else inf
    legs: list[Leg] = []
    for price in sorted(levels, reverse=not buying):
        if not reaches(form, price):
            break
        affordable = usdc_left * PRICE_ONE // price if form.by_value else inf
        shares = int(min(levels[price], shares_left, affordable))
        usdc = cost(shares, price)
        if not shares or not usdc:
            break
        legs.append(Leg(price, shares, usdc))
        shares_left -= shares
        usdc_left -= usdc
    return legs


def reaches(form: OrderForm, price: int) -> bool:
    """Tell whether the signed amounts allow trading at a price."""
    limit, offered = form.usdc * PRICE_ONE, form.shares * price
    return offered <= limit if form.side == "BUY" else offered >= limit


def filled_whole(form: OrderForm, legs: list[Leg]) -> bool:
    """Tell whether the legs exhaust the order: its shares, or its sum but for dust that buys nothing."""
    if not form.by_value:
        return sum(leg.shares for leg in legs) == form.shares
    rest = form.usdc - sum(leg.usdc for leg in legs)
    return bool(legs) and rest * PRICE_ONE < legs[-1].price * 2
