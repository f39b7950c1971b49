"""The floor of an exit: the price below which nothing is sold, whatever the book of the moment says. Pure.

It hangs below a price that one moment cannot move: what the leader got, or the value of the lot that stood for some
seconds, whichever is higher; what the lot cost where neither is known. While nobody pays it the exit waits, and the
floor comes down in stated steps to a stated end, never with the book.
"""

from typing import NamedTuple

from msgspec.structs import replace

from buyer.strategy.limits import HUNDRED_PCT, TradingLimits
from shared.domain.market import MarketFacts
from shared.domain.money import MICRO, Price, Shares, ceil_to, half_even, micro_text, taker_fee
from shared.messages.decisions import ExitTask, Portfolio

LEADER_SALE, STOOD, COST, TYPED = "the leader's sale", "the value that stood", "the lot's cost", "a typed word"
UNKNOWN_BASIS = ""
_BPS = 10_000


class FloorBasis(NamedTuple):
    """The price a floor hangs below, and what it is; '' where there is none yet."""

    price: Price
    source: str


def basis_of(sold_at: Price, stood: Price, cost: Price) -> FloorBasis:
    """Return what a floor hangs below.

    A leader's sale alone is not believed below what we know: he can trade with himself at any price.
    """
    known = FloorBasis(stood, STOOD) if stood else FloorBasis(cost, COST) if cost else FloorBasis(Price(0), "")
    return FloorBasis(sold_at, LEADER_SALE) if sold_at > known.price else known


def lot_basis(held: Portfolio, sold_at: Price) -> FloorBasis:
    """Return the same of a lot as a decision sees it."""
    return basis_of(sold_at, held.stood, share_price(held.lot_cost, held.lot_shares))


def share_price(cost: int, shares: int) -> Price:
    """Return what a share of a lot cost; 0 where there are none."""
    return Price(half_even(cost * MICRO, shares)) if shares > 0 else Price(0)


def floor_pct(lowered: int, limits: TradingLimits) -> int:
    """Return how far below its basis a floor hangs after so many steps, in millionths of a percent."""
    end = max(limits.exit_floor_end_pct, limits.exit_floor_pct)
    return min(limits.exit_floor_pct + lowered * limits.exit_floor_step_pct, end)


def floor_price(task: ExitTask, limits: TradingLimits) -> Price:
    """Return the lowest price that an exit sells at; a typed word is the floor itself."""
    if task.source == TYPED:
        return task.reference
    below = task.reference * (HUNDRED_PCT - floor_pct(task.lowered, limits))
    return Price(-(-below // HUNDRED_PCT))


def on_grid(floor: Price, tick: Price) -> Price:
    """Return the lowest price an order can name that is not below the floor."""
    return Price(ceil_to(floor, tick))


def fee_floor(best_bid: Price, facts: MarketFacts, cap_bps: int) -> Price:
    """Return the limit below which the exchange would not let the fee of a sale at `best_bid` or less be taken.

    It takes at most `cap_bps` hundredths of a percent of a sale at its limit price, and reverts the match else (venue
    reference 3.5): a limit far below a cheap bid matches and is never paid.
    """
    dearest = Price(min(best_bid, MICRO // 2))
    fee = taker_fee(Shares(MICRO), dearest, facts.fee_rate, facts.fee_exponent)
    return Price(min(-(-fee * _BPS // cap_bps), best_bid))


def can_lower(task: ExitTask, limits: TradingLimits) -> bool:
    """Say whether a floor has a step left."""
    below = floor_pct(task.lowered, limits)
    return task.source not in {TYPED, UNKNOWN_BASIS} and floor_pct(task.lowered + 1, limits) > below


def lowered(task: ExitTask, now_ms: int) -> ExitTask:
    """Return the exit with its floor a step lower."""
    return replace(task, lowered=task.lowered + 1, lowered_at_ms=now_ms)


def grounded(task: ExitTask, basis: FloorBasis) -> ExitTask:
    """Return an exit with what its floor hangs below, where it has none, or nothing better than the lot's cost."""
    if task.source not in {UNKNOWN_BASIS, COST} or basis.source in {task.source, UNKNOWN_BASIS}:
        return task
    return replace(task, reference=basis.price, source=basis.source)


def floor_text(task: ExitTask, floor: Price, limits: TradingLimits) -> str:
    """Return a floor as it is printed, with where it comes from."""
    if task.source == UNKNOWN_BASIS:
        return "no value is known yet"
    if task.source == TYPED:
        return f"{micro_text(floor)} ({TYPED})"
    below = micro_text(floor_pct(task.lowered, limits))
    return f"{micro_text(floor)} ({below}% below {micro_text(task.reference)}, {task.source})"
