"""The match that an order would make with a book. Nothing here changes anything."""

from dataclasses import dataclass

from simulator.core.amounts import PRICE_ONE, cost
from simulator.core.book import Levels
from simulator.exchange.order_form import OrderForm

_DUST = 100
"""Micro-units of collateral: no amount that is signed goes below the fourth decimal, so less than this is no order."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What one level gives, priced as the order's own token: units of 1/10000 and micro-units.

    With `mint` the level is somebody who buys the other outcome: the shares are made of both sides' collateral. A
    `last` one leaves nothing of the order's sum, or dust that buys nothing there.
    """

    price: int
    shares: int
    usdc: int
    mint: bool = False
    last: bool = False


def legs_of(form: OrderForm, bids: Levels, asks: Levels, *, mint: bool = False) -> list[Leg]:
    """Return what an order meets in the book of its token, best price first.

    The contract compares the signed amounts themselves, so a rounded price that falls short of an ask by a
    millionth does not reach it. A market BUY goes on until its sum is spent, whatever number of shares that gives.
    With `mint` a BUY meets buyers of the other outcome.
    """
    levels = asks if form.side == "BUY" else bids
    prices = [price for price in sorted(levels, reverse=form.side == "SELL") if reaches(form, price)]
    if form.by_value:
        return _spent(form.usdc, [(price, levels[price]) for price in prices], mint=mint)
    return _filled(form, [(price, levels[price]) for price in prices], mint=mint and form.side == "BUY")


def reaches(form: OrderForm, price: int) -> bool:
    """Tell whether the signed amounts allow trading at a price."""
    limit, offered = form.usdc * PRICE_ONE, form.shares * price
    return offered <= limit if form.side == "BUY" else offered >= limit


def filled_whole(form: OrderForm, legs: list[Leg]) -> bool:
    """Tell whether the legs exhaust the order: its shares, or its sum but for dust that buys nothing."""
    if not form.by_value:
        return sum(leg.shares for leg in legs) == form.shares
    rest = form.usdc - sum(leg.usdc for leg in legs)
    return bool(legs) and (legs[-1].last or rest < _DUST)


def _filled(form: OrderForm, levels: list[tuple[int, int]], *, mint: bool) -> list[Leg]:
    """Return the legs of a number of shares."""
    legs: list[Leg] = []
    left = form.shares
    for price, resting in levels:
        shares = min(resting, left)
        usdc = cost(shares, price)
        if not shares or not usdc:
            break
        legs.append(Leg(price, shares, usdc, mint))
        left -= shares
    return legs


def _spent(usdc: int, levels: list[tuple[int, int]], *, mint: bool) -> list[Leg]:
    """Return the legs of a sum to spend."""
    legs: list[Leg] = []
    for price, resting in levels:
        leg = _minted(price, resting, usdc) if mint else _bought(price, resting, usdc)
        if not leg.shares or not leg.usdc:
            break
        legs.append(leg)
        usdc -= leg.usdc
        if leg.last:
            break
    return legs


def _bought(price: int, resting: int, usdc: int) -> Leg:
    """Return what a sum buys of somebody's shares: all of it is paid, for the shares rounded up (10 captured legs)."""
    shares = -(-usdc * PRICE_ONE // price)
    if shares > resting:
        return Leg(price, resting, cost(resting, price))
    return Leg(price, shares, usdc, last=True)


def _minted(price: int, resting: int, usdc: int) -> Leg:
    """Return what a sum buys together with a buyer of the other outcome, who is filled in whole micro-units.

    The other's collateral is rounded down, then the shares that it stands for; we pay the rest of each share.
    """
    wanted, others_price = usdc * PRICE_ONE // price, PRICE_ONE - price
    others = cost(min(wanted, resting), others_price)
    shares = others * PRICE_ONE // others_price
    return Leg(price, shares, shares - others, mint=True, last=wanted <= resting)
