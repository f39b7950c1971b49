"""The fill that an order gets from a book: one model for the decision, the paper venue and the backtest. Pure."""

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from functools import lru_cache
from operator import add
from typing import NamedTuple

from shared.domain.market import Book, Level, MarketFacts, Side
from shared.domain.money import cost_micro, fee_micro, proceeds_micro, to_micro
from shared.messages.decisions import Order


class ModelFill(NamedTuple):
    """Micro-units taken from the book: `usdc` before fees."""

    shares: int = 0
    usdc: int = 0
    fee: int = 0


NOTHING = ModelFill()
_HALF = Decimal("0.5")


def walk_book(
    levels: Sequence[Level], side: Side, shares: int, limit: Decimal, budget: int | None, facts: MarketFacts
) -> ModelFill:
    """Take up to `shares` micro-shares from `levels` (best first) at `limit` or better.

    Args:
        levels: What rests on the other side, best first.
        side: Ours.
        shares: The most to take, in micro-shares.
        limit: The worst price to accept.
        budget: The most to pay, fees included, in micro-units (None for sells); never exceeded by a micro-unit.
        facts: The market's fee rate and exponent.
    """
    taken, fee = NOTHING, (facts.fee_rate, facts.fee_exponent)
    for level in levels:
        if taken.shares >= shares or not acceptable_levels(level.price, side, limit):
            break
        piece = _piece(side, min(shares - taken.shares, _micro(level.shares)), level.price, *fee)
        if budget is not None and taken.usdc + taken.fee + piece.usdc + piece.fee > budget:
            fitting = affordable_shares(piece.shares, level.price, budget - taken.usdc - taken.fee, facts)
            piece = _piece(side, fitting, level.price, *fee)
        taken = piece if taken is NOTHING else ModelFill(*map(add, taken, piece))
    return taken


def meet_book(order: Order, book: Book, facts: MarketFacts) -> ModelFill:
    """Return what `order` gets from the book it meets, the rest killed (FAK)."""
    budget = to_micro(order.budget) if order.side == "BUY" else None
    return walk_book(book.against(order.side), order.side, to_micro(order.shares), order.limit_price, budget, facts)


def off_grid(order: Order, book: Book) -> str:
    """Return the venue's word on an order that does not stand on the book's grid, '' for one that does (pitfall 17)."""
    if book.tick and order.limit_price % book.tick:
        return f"price {order.limit_price} breaks minimum tick size rule: {book.tick}"
    return ""


def acceptable_levels(price: Decimal, side: Side, limit: Decimal) -> bool:
    """Say whether `price` is at `limit` or better for `side`."""
    return price <= limit if side == "BUY" else price >= limit


def affordable_shares(wanted: int, price: Decimal, budget: int, facts: MarketFacts) -> int:
    """Return the most micro-shares, at most `wanted`, whose cost and fee fit into `budget`."""
    if _spend(wanted, price, facts) <= budget:
        return wanted
    unit = price + facts.fee_rate * (price * (1 - price)) ** facts.fee_exponent
    shares = max(0, int((Decimal(budget) / unit).to_integral_value(ROUND_FLOOR)))
    while shares > 0 and _spend(shares, price, facts) > budget:
        shares -= max(1, int(Decimal(_spend(shares, price, facts) - budget) / unit))
    return max(0, min(shares, wanted))


def dearest_fee(shares: int, limit: Decimal, facts: MarketFacts) -> int:
    """Return the highest taker fee that an order for `shares` at `limit` can cost.

    As a number of shares, the fee peaks at a price of 0.5. As a sum to spend, which a live market buy is, a better
    price buys more shares: sum x rate x p^(e-1) x (1-p)^e, which peaks at (e-1)/(2e-1), for e below 1 at one tick.
    """
    return dearest_at(shares, limit, facts.fee_rate, facts.fee_exponent, facts.tick)


def dearest_at(shares: int, limit: Decimal, rate: Decimal, exponent: int | Decimal, tick: Decimal) -> int:
    """Return the same by the market's fee rate, exponent and tick alone."""
    by_number = fee_micro(shares, min(limit, _HALF), rate, exponent)
    return max(by_number, int(cost_micro(shares, limit) * _per_sum(limit, rate, exponent, tick))) + 10


@lru_cache(maxsize=4096)
def _per_sum(limit: Decimal, rate: Decimal, exponent: int | Decimal, tick: Decimal) -> Decimal:
    if exponent == 1:
        return rate
    peak = min(limit, tick if exponent < 1 else Decimal(exponent - 1) / (2 * exponent - 1))
    return rate * peak ** (exponent - 1) * (1 - peak) ** exponent


def _spend(shares: int, price: Decimal, facts: MarketFacts) -> int:
    return cost_micro(shares, price) + fee_micro(shares, price, facts.fee_rate, facts.fee_exponent)


@lru_cache(maxsize=4096)
def _piece(side: Side, shares: int, price: Decimal, fee_rate: Decimal, fee_exponent: int | Decimal) -> ModelFill:
    usdc = cost_micro(shares, price) if side == "BUY" else proceeds_micro(shares, price)
    return ModelFill(shares, usdc, fee_micro(shares, price, fee_rate, fee_exponent))


@lru_cache(maxsize=4096)
def _micro(shares: Decimal) -> int:
    """Return what rests on a level; many levels hold the same."""
    return to_micro(shares)
