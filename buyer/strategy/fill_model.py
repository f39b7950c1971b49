"""The fill that an order gets from a book: one model for the decision, the paper venue and the backtest. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from shared.domain.market import Book, Level, MarketFacts, Side
from shared.domain.money import (
    MICRO,
    Price,
    Rate,
    Shares,
    Usdc,
    cost_micro,
    from_micro,
    micro_text,
    proceeds_micro,
    taker_fee,
)
from shared.messages.decisions import Order


class ModelFill(Struct, frozen=True, gc=False):
    """What was taken from the book: `usdc` before fees."""

    shares: Shares = Shares(0)
    usdc: Usdc = Usdc(0)
    fee: Usdc = Usdc(0)


NOTHING = ModelFill()
_HALF = Price(MICRO // 2)


def walk_book(
    levels: Sequence[Level], side: Side, shares: Shares, limit: Price, budget: Usdc | None, facts: MarketFacts
) -> ModelFill:
    """Take up to `shares` from `levels` (best first) at `limit` or better.

    Args:
        levels: What rests on the other side, best first.
        side: Ours.
        shares: The most to take.
        limit: The worst price to accept.
        budget: The most to pay, fees included (None for sells); never exceeded by a micro-unit.
        facts: The market's fee rate and exponent.
    """
    got, usdc, fees = NOTHING.shares, NOTHING.usdc, NOTHING.fee
    buys, rate, exponent = side == "BUY", facts.fee_rate, facts.fee_exponent
    for level in levels:
        price, piece = level.price, level.shares
        if got >= shares or (price > limit if buys else price < limit):
            break
        if got + piece > shares:
            piece = shares - got
        paid = cost_micro(piece, price) if buys else proceeds_micro(piece, price)
        fee = taker_fee(piece, price, rate, exponent)
        if budget is not None and usdc + fees + paid + fee > budget:
            piece = affordable_shares(piece, price, budget - usdc - fees, facts)
            paid, fee = cost_micro(piece, price), taker_fee(piece, price, rate, exponent)
        got, usdc, fees = got + piece, usdc + paid, fees + fee
    return ModelFill(got, usdc, fees)


def meet_book(order: Order, book: Book, facts: MarketFacts) -> ModelFill:
    """Return what `order` gets from the book it meets, the rest killed (FAK)."""
    budget = order.budget if order.side == "BUY" else None
    return walk_book(book.against(order.side), order.side, order.shares, order.limit_price, budget, facts)


def off_grid(order: Order, book: Book) -> str:
    """Return the venue's word on an order that does not stand on the book's grid, '' for one that does (pitfall 17)."""
    if book.tick and order.limit_price % book.tick:
        return f"price {micro_text(order.limit_price)} breaks minimum tick size rule: {micro_text(book.tick)}"
    return ""


def acceptable_levels(price: Price, side: Side, limit: Price) -> bool:
    """Say whether `price` is at `limit` or better for `side`."""
    return price <= limit if side == "BUY" else price >= limit


def affordable_shares(wanted: Shares, price: Price, budget: Usdc, facts: MarketFacts) -> Shares:
    """Return the most shares, at most `wanted`, whose cost and fee fit into `budget`."""
    if _spend(wanted, price, facts) <= budget:
        return wanted
    unit, of = _unit_cost(price, facts.fee_rate, facts.fee_exponent)
    shares = max(0, budget * of // unit)
    while shares > 0 and (spent := _spend(Shares(shares), price, facts)) > budget:
        shares -= max(1, (spent - budget) * of // unit)
    return Shares(max(0, min(shares, wanted)))


@lru_cache(maxsize=4096)
def _unit_cost(price: Price, rate: Rate, exponent: int | Decimal) -> tuple[int, int]:
    """Return what one micro-share costs with its fee, before anything is cut, as a fraction of a micro-unit."""
    if exponent == 1:
        return price * MICRO**2 + rate * price * (MICRO - price), MICRO**3
    part = from_micro(price)
    return (part + from_micro(rate) * (part * (1 - part)) ** exponent).as_integer_ratio()


def dearest_fee(shares: Shares, limit: Price, facts: MarketFacts) -> Usdc:
    """Return the highest taker fee that an order for `shares` at `limit` can cost.

    As a number of shares, the fee peaks at a price of 0.5. As a sum to spend, which a live market buy is, a better
    price buys more shares: sum x rate x p^(e-1) x (1-p)^e, which peaks at (e-1)/(2e-1), for e below 1 at one tick.
    """
    return dearest_at(shares, limit, facts.fee_rate, facts.fee_exponent, facts.tick)


def dearest_at(shares: Shares, limit: Price, rate: Rate, exponent: int | Decimal, tick: Price) -> Usdc:
    """Return the same by the market's fee rate, exponent and tick alone."""
    by_number = taker_fee(shares, min(limit, _HALF), rate, exponent)
    cost = cost_micro(shares, limit)
    by_sum = cost * rate // MICRO if exponent == 1 else int(cost * _per_sum(limit, rate, exponent, tick))
    return Usdc(max(by_number, by_sum) + 10)


@lru_cache(maxsize=4096)
def _per_sum(limit: Price, rate: Rate, exponent: int | Decimal, tick: Price) -> Decimal:
    at_tick, at_limit = from_micro(tick), from_micro(limit)
    peak = min(at_limit, at_tick if exponent < 1 else Decimal(exponent - 1) / (2 * exponent - 1))
    return from_micro(rate) * peak ** (exponent - 1) * (1 - peak) ** exponent


def _spend(shares: Shares, price: Price, facts: MarketFacts) -> Usdc:
    return cost_micro(shares, price) + taker_fee(shares, price, facts.fee_rate, facts.fee_exponent)
