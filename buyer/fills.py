"""What an order gets from a book: one fill model for the decision, the paper venue and the backtest. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from shared.market import Level, MarketFacts, Side
from shared.money import cost_micro, fee_micro, proceeds_micro, to_micro


@dataclass(frozen=True)
class Filled:
    """Micro-units taken from the book: `usdc` before fees."""

    shares: int = 0
    usdc: int = 0
    fee: int = 0


def walk(
    levels: Sequence[Level], side: Side, shares: int, limit: Decimal, budget: int | None, facts: MarketFacts
) -> Filled:
    """Take up to `shares` micro-shares from `levels` (best first) at `limit` or better.

    Args:
        levels: What rests on the other side, best first.
        side: Ours.
        shares: The most to take, in micro-shares.
        limit: The worst price to accept.
        budget: The most to pay, fees included, in micro-units (None for sells); never exceeded by a micro-unit.
        facts: The market's fee rate and exponent.
    """
    taken = Filled()
    for level in levels:
        if taken.shares >= shares or not acceptable(level.price, side, limit):
            break
        wanted = min(shares - taken.shares, to_micro(level.shares))
        if budget is not None:
            wanted = affordable(wanted, level.price, budget - taken.usdc - taken.fee, facts)
        piece = _piece(side, wanted, level.price, facts)
        taken = Filled(taken.shares + piece.shares, taken.usdc + piece.usdc, taken.fee + piece.fee)
    return taken


def acceptable(price: Decimal, side: Side, limit: Decimal) -> bool:
    """Say whether `price` is at `limit` or better for `side`."""
    return price <= limit if side == "BUY" else price >= limit


def affordable(wanted: int, price: Decimal, budget: int, facts: MarketFacts) -> int:
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
    price buys more shares: sum x rate x p^(e-1) x (1-p)^e, which peaks at (e-1)/(2e-1).
    """
    by_number = fee_micro(shares, min(limit, Decimal("0.5")), facts.fee_rate, facts.fee_exponent)
    exponent = facts.fee_exponent
    peak = min(limit, Decimal(max(0, exponent - 1)) / max(1, 2 * exponent - 1))
    per_sum = facts.fee_rate * (peak ** (exponent - 1) if exponent > 1 else 1) * (1 - peak) ** exponent
    return max(by_number, int(cost_micro(shares, limit) * per_sum)) + 10


def _spend(shares: int, price: Decimal, facts: MarketFacts) -> int:
    return cost_micro(shares, price) + fee_micro(shares, price, facts.fee_rate, facts.fee_exponent)


def _piece(side: Side, shares: int, price: Decimal, facts: MarketFacts) -> Filled:
    usdc = cost_micro(shares, price) if side == "BUY" else proceeds_micro(shares, price)
    return Filled(shares, usdc, fee_micro(shares, price, facts.fee_rate, facts.fee_exponent))
