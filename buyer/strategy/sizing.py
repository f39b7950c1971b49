"""The size of an order: values in, a size out. Pure."""

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from buyer.strategy.fill_model import dearest_at
from buyer.strategy.limits import Sizing, TradingLimits, tiers_of
from shared.domain.market import MarketFacts, Side
from shared.domain.money import MICRO, ceil_to, cost_micro, decimal_text, floor_to, to_micro, truncate_micro

SIZE_PLACES = 2
"""Decimals of an order's shares, for every tick (venue reference 3.4)."""
_GRAIN = Decimal(1).scaleb(-SIZE_PLACES)
_MICRO = Decimal(1).scaleb(-6)
_NONE = Decimal(0)

LEAST_BUY = Decimal(1)
"""The least collateral that a buy which trades at once may offer; the venue refuses less ("min size: $1")."""

TICKS = frozenset(Decimal(text) for text in ("0.1", "0.01", "0.005", "0.0025", "0.001", "0.0001"))
"""Every tick the venue knows (venue reference 3.4)."""


class OrderSize(NamedTuple):
    """Shares to order (two decimals) and the most they can cost with fees, in micro-units; `bumped` to the minimum."""

    shares: Decimal
    micro: int
    budget: int = 0
    bumped: bool = False


class LeaderTraded(Protocol):
    """A leader's trade."""

    @property
    def usdc(self) -> Decimal:
        """Return the collateral paid or received."""
        ...

    @property
    def price(self) -> Decimal:
        """Return the average price."""
        ...


class StakeBasis(NamedTuple):
    """What a stake is reckoned from: the leader's trade, our bankroll, and the most that a share can cost with fees."""

    trade: LeaderTraded
    bankroll: Decimal
    share_cost: Callable[[], Decimal]
    limits: TradingLimits


def stake_for(wager: StakeBasis) -> Decimal:
    """Return the collateral to follow a trade with, by the sizing mode, never more than `max_stake_usdc`.

    Raises:
        ValueError: the mode lacks what it is reckoned from.
    """
    return _allowed(STAKES[wager.limits.sizing](wager), wager.limits.max_stake_usdc)


@lru_cache(maxsize=1024)
def _allowed(wanted: Decimal, most: Decimal) -> Decimal:
    return decimal_text(min(max(wanted, _NONE), most).quantize(_MICRO, ROUND_DOWN))


def _fixed(wager: StakeBasis) -> Decimal:
    return wager.limits.stake_usdc


def _percent(wager: StakeBasis) -> Decimal:
    return wager.trade.usdc * wager.limits.leader_pct / 100


def _proportional(wager: StakeBasis) -> Decimal:
    """Return the same part of our bankroll as the trade is of the leader's."""
    theirs = wager.limits.leader_bankroll_usdc
    if theirs <= 0:
        raise ValueError("the leader's bankroll is not known: set leader_bankroll_usdc")
    return wager.trade.usdc * wager.bankroll / theirs


def _tiered(wager: StakeBasis) -> Decimal:
    """Return the trade times the multiplier of its tier."""
    for tier in tiers_of(wager.limits.tiers):
        if tier.up_to is None or wager.trade.usdc <= tier.up_to:
            return wager.trade.usdc * tier.multiplier
    raise ValueError(f"no tier for a trade of {wager.trade.usdc}: end tiers with *:multiplier")


def _kelly(wager: StakeBasis) -> Decimal:
    """Return the fraction of the bankroll that grows it fastest: (q - c) / (1 - c), a part of it, under a cap.

    q is the chance we state: the leader's price and our edge over it; c is what a share costs us at worst, with fees.
    Source: J. L. Kelly, "A New Interpretation of Information Rate" (1956), for a share that pays 1 or nothing.
    """
    limits, cost = wager.limits, wager.share_cost()
    chance = min(wager.trade.price * (1 + limits.kelly_edge_pct / 100), Decimal(1))
    if cost >= 1 or chance <= cost:
        return Decimal(0)
    part = (chance - cost) / (1 - cost) * limits.kelly_fraction_pct / 100
    return min(part, limits.kelly_cap_pct / 100) * wager.bankroll


STAKES: Mapping[Sizing, Callable[[StakeBasis], Decimal]] = {
    "fixed": _fixed,
    "percent": _percent,
    "proportional": _proportional,
    "tiered": _tiered,
    "kelly": _kelly,
}


def share_cost(limit: Decimal, facts: MarketFacts) -> Decimal:
    """Return the most that one share bought at `limit` or better costs, its fee included."""
    return _share_cost(limit, facts.fee_rate, facts.fee_exponent, facts.tick)


@lru_cache(maxsize=4096)
def _share_cost(limit: Decimal, fee_rate: Decimal, fee_exponent: int | Decimal, tick: Decimal) -> Decimal:
    return limit + Decimal(dearest_at(MICRO, limit, fee_rate, fee_exponent, tick)) / MICRO


@lru_cache(maxsize=4096)
def limit_price(
    leader_price: Decimal, side: Side, tick: Decimal, slippage_ticks: int, slippage_pct: Decimal
) -> Decimal:
    """Return the worst price we accept: the leader's, plus the larger of both allowances, on the tick grid.

    Rounded towards the leader's price, so the allowance is never exceeded, and kept within [tick, 1 - tick]. Equal
    arguments of another form (0.01, 0.010) find what was reckoned before, so there is one form of what is returned.
    """
    allowance = max(tick * slippage_ticks, leader_price * slippage_pct / 100)
    buying = side == "BUY"
    price = floor_to(leader_price + allowance, tick) if buying else ceil_to(leader_price - allowance, tick)
    return decimal_text(min(max(price, tick), 1 - tick))


def exit_limit(best_bid: Decimal, tick: Decimal, slippage_pct: Decimal) -> Decimal:
    """Return the lowest price to get out at: so many percent below the best bid, on the tick grid, at least a tick."""
    return min(max(ceil_to(best_bid * (1 - slippage_pct / 100), tick), tick), 1 - tick)


def spend_ceiling(wager: StakeBasis) -> Decimal:
    """Return the most collateral that raising an order to the market's minimum may cost, before fees."""
    limits = wager.limits
    if limits.sizing == "kelly":
        return min(limits.max_stake_usdc, wager.bankroll * limits.kelly_cap_pct / 100)
    return limits.max_stake_usdc


@lru_cache(maxsize=4096)
def least_shares(limit: Decimal, min_shares: Decimal) -> Decimal:
    """Return the fewest shares that the venue lets a buy at `limit` ask for: the market's minimum, and 1 pUSD."""
    return max(ceil_to(min_shares, _GRAIN), ceil_to(LEAST_BUY / limit, _GRAIN))


def buy_size(stake: Decimal, limit: Decimal, facts: MarketFacts, *, bump_to: Decimal) -> OrderSize:
    """Return how many shares `stake` of collateral buys at `limit`, fees on top.

    Below the venue's minimum the size is 0, or the minimum where that costs at most `bump_to` at the limit; caps are
    checked on the result, so a bump never breaks one (pitfall 18).
    """
    fee = (facts.fee_rate, facts.fee_exponent, facts.tick)
    return _buy_size(stake, limit, facts.min_shares, fee, bump_to)


@lru_cache(maxsize=4096)
def _buy_size(
    stake: Decimal, limit: Decimal, min_shares: Decimal, fee: tuple[Decimal, int | Decimal, Decimal], bump_to: Decimal
) -> OrderSize:
    shares = truncate_micro(stake / limit, SIZE_PLACES)
    minimum = least_shares(limit, min_shares)
    bumped = stake > 0 and shares < minimum and minimum * limit <= bump_to
    if bumped:
        shares = minimum
    elif shares < minimum:
        shares = _NONE
    micro = to_micro(shares)
    budget = cost_micro(micro, limit) + dearest_at(micro, limit, *fee) if micro else 0
    return OrderSize(shares, micro, budget, bumped)


def sell_size(lot_shares: int) -> Decimal:
    """Return micro-shares in shares the venue takes; what is left below 0.01 is dust."""
    return truncate_micro(Decimal(lot_shares) / MICRO, SIZE_PLACES)
