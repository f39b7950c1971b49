"""The size of an order: values in, a size out. Pure.

Amounts and prices are micro-units, percentages millionths of a percent; what does not come out even is cut where that
makes an order smaller, and every product is exact before it is cut. A trade that was seen before its block can be told
twice, pending and then confirmed, as a signal that `completes` it: a stake is cut between the two.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

from buyer.strategy.fill_model import dearest_at
from buyer.strategy.limit_values import tiers_of
from buyer.strategy.limits import HUNDRED_PCT, Sizing, SlippageBound, TradingLimits
from shared.domain.market import MarketFacts, Side
from shared.domain.money import MICRO, Price, Rate, Shares, Usdc, ceil_to, cost_micro, floor_to, micro_text
from shared.messages.signals import ActionableSignal

GRAIN = 10_000
"""Micro-shares: an order's shares have two decimals, for every tick (venue reference 3.4)."""

LEAST_BUY = Usdc(MICRO)
"""The least collateral that a buy which trades at once may offer; the venue refuses less ("min size: $1")."""

TICKS = frozenset({100_000, 10_000, 5_000, 2_500, 1_000, 100})
"""Every tick the venue knows (venue reference 3.4)."""


NO_STAKE = Usdc(0)


class OrderSize(Struct, frozen=True, gc=False):
    """Shares to order (two decimals) and the most they can cost with fees; `bumped` to the venue's minimum."""

    shares: Shares
    budget: Usdc = Usdc(0)
    bumped: bool = False


class LeaderTraded(Protocol):
    """A leader's trade."""

    @property
    def usdc(self) -> Usdc:
        """Return the collateral paid or received."""
        ...

    @property
    def price(self) -> Price:
        """Return the average price."""
        ...


class StakeBasis(Struct, frozen=True):
    """What a stake is reckoned from: the leader's trade, our bankroll, and the most that a share can cost with fees."""

    trade: LeaderTraded
    bankroll: Usdc
    share_cost: Callable[[], Usdc]
    limits: TradingLimits


def stake_for(wager: StakeBasis) -> Usdc:
    """Return the collateral to follow a trade with, by the sizing mode, never more than `max_stake_usdc`.

    Raises:
        ValueError: the mode lacks what it is reckoned from.
    """
    stake, most = STAKES[wager.limits.sizing](wager), wager.limits.max_stake_usdc
    return most if stake > most else Usdc(stake) if stake > 0 else NO_STAKE


def _fixed(wager: StakeBasis) -> int:
    return wager.limits.stake_usdc


def _percent(wager: StakeBasis) -> int:
    return wager.trade.usdc * wager.limits.leader_pct // HUNDRED_PCT


def _proportional(wager: StakeBasis) -> int:
    """Return the same part of our bankroll as the trade is of the leader's."""
    theirs = wager.limits.leader_bankroll_usdc
    if theirs <= 0:
        raise ValueError("the leader's bankroll is not known: set leader_bankroll_usdc")
    return wager.trade.usdc * wager.bankroll // theirs


def _tiered(wager: StakeBasis) -> int:
    """Return the trade times the multiplier of its tier."""
    for tier in tiers_of(wager.limits.tiers):
        if tier.up_to is None or wager.trade.usdc <= tier.up_to:
            return wager.trade.usdc * tier.multiplier // MICRO
    raise ValueError(f"no tier for a trade of {micro_text(wager.trade.usdc)}: end tiers with *:multiplier")


def _kelly(wager: StakeBasis) -> int:
    """Return the fraction of the bankroll that grows it fastest: (q - c) / (1 - c), a part of it, under a cap.

    q is the chance we state: the leader's price and our edge over it; c is what a share costs us at worst, with fees.
    Source: J. L. Kelly, "A New Interpretation of Information Rate" (1956), for a share that pays 1 or nothing.
    """
    limits, cost = wager.limits, wager.share_cost()
    chance = min(wager.trade.price * (HUNDRED_PCT + limits.kelly_edge_pct), MICRO * HUNDRED_PCT)
    gain, risk = chance - cost * HUNDRED_PCT, (MICRO - cost) * HUNDRED_PCT
    if risk <= 0 or gain <= 0:
        return 0
    part = wager.bankroll * gain * limits.kelly_fraction_pct // (risk * HUNDRED_PCT)
    return min(part, wager.bankroll * limits.kelly_cap_pct // HUNDRED_PCT)


STAKES: Mapping[Sizing, Callable[[StakeBasis], int]] = {
    "fixed": _fixed,
    "percent": _percent,
    "proportional": _proportional,
    "tiered": _tiered,
    "kelly": _kelly,
}


def share_cost(limit: Price, facts: MarketFacts) -> Usdc:
    """Return the most that one share bought at `limit` or better costs, its fee included."""
    return cost_micro(Shares(MICRO), limit) + dearest_at(
        Shares(MICRO), limit, facts.fee_rate, facts.fee_exponent, facts.tick
    )


@lru_cache(maxsize=4096)
def limit_price(
    leader_price: Price,
    side: Side,
    tick: Price,
    slippage_ticks: int,
    slippage_pct: int,
    bound: SlippageBound = "larger",
) -> Price:
    """Return the worst price we accept: the leader's and the allowance that `bound` names, on the tick grid.

    Rounded towards the leader's price, so the allowance is never exceeded, and kept within [tick, 1 - tick].
    """
    if side == "BUY":
        by_pct = leader_price * (HUNDRED_PCT + slippage_pct) // (HUNDRED_PCT * tick) * tick
        by_ticks = floor_to(leader_price + tick * slippage_ticks, tick)
        price = max(by_ticks, by_pct) if bound == "larger" else min(by_ticks, by_pct)
    else:
        by_pct = -(-leader_price * (HUNDRED_PCT - slippage_pct) // (HUNDRED_PCT * tick)) * tick
        by_ticks = ceil_to(leader_price - tick * slippage_ticks, tick)
        price = min(by_ticks, by_pct) if bound == "larger" else max(by_ticks, by_pct)
    return Price(min(max(price, tick), MICRO - tick))


def exit_limit(best_bid: Price, tick: Price, slippage_pct: int) -> Price:
    """Return the lowest price to get out at: so many percent below the best bid, on the tick grid, at least a tick."""
    below = -(-best_bid * (HUNDRED_PCT - slippage_pct) // (HUNDRED_PCT * tick)) * tick
    return Price(min(max(below, tick), MICRO - tick))


def spend_ceiling(limits: TradingLimits, bankroll: Usdc) -> int:
    """Return the most collateral that raising an order to the market's minimum may cost, before fees.

    In micro-units of a micro-unit (10^-12 pUSD), so that no percentage is cut before it is compared.
    """
    most = limits.max_stake_usdc * MICRO
    if limits.sizing == "kelly":
        return min(most, bankroll * limits.kelly_cap_pct * MICRO // HUNDRED_PCT)
    return most


@lru_cache(maxsize=4096)
def least_shares(limit: Price, min_shares: Shares) -> Shares:
    """Return the fewest shares that the venue lets a buy at `limit` ask for: the market's minimum, and 1 pUSD."""
    return Shares(max(ceil_to(min_shares, GRAIN), -(-LEAST_BUY * MICRO // (limit * GRAIN)) * GRAIN))


def buy_size(stake: Usdc, limit: Price, facts: MarketFacts, bump_to: int) -> OrderSize:
    """Return how many shares `stake` of collateral buys at `limit`, fees on top.

    Below the venue's minimum the size is 0, or the minimum where that costs at most `bump_to` at the limit (in 10^-12
    pUSD, `spend_ceiling`); caps are checked on the result, so a bump never breaks one (pitfall 18).
    """
    return _sized(stake, limit, facts.min_shares, facts.fee_rate, facts.fee_exponent, facts.tick, bump_to)


@lru_cache(maxsize=4096)
def _sized(
    stake: Usdc, limit: Price, min_shares: Shares, rate: Rate, exponent: int | Decimal, tick: Price, bump_to: int
) -> OrderSize:
    """Return the same by numbers alone; kept, as a fixed stake has as many sizes as there are prices."""
    shares, minimum = Shares(stake * MICRO // (limit * GRAIN) * GRAIN), least_shares(limit, min_shares)
    bumped = shares < minimum and stake > 0 and minimum * limit <= bump_to
    if bumped:
        shares = minimum
    elif shares < minimum or not shares:
        return OrderSize(Shares(0))
    fee = dearest_at(shares, limit, rate, exponent, tick)
    return OrderSize(shares, Usdc(cost_micro(shares, limit) + fee), bumped)


def sell_size(lot_shares: int) -> Shares:
    """Return the shares of a lot that the venue takes; what is left below 0.01 is dust."""
    return Shares(max(0, lot_shares // GRAIN * GRAIN))


def cut_stake(stake: Usdc, signal: ActionableSignal, limits: TradingLimits) -> Usdc:
    """Return what of a stake goes on this telling of a trade; the two parts add up to the whole."""
    if not is_cut(signal, limits):
        return stake
    early = stake * limits.pending_pct // HUNDRED_PCT
    return Usdc(stake - early if signal.completes else early)


def is_cut(signal: ActionableSignal, limits: TradingLimits) -> bool:
    """Say whether a trade is followed in two parts, of which this is one."""
    return limits.on_pending == "part" and bool(signal.pending or signal.completes)


def is_told_again(signal: ActionableSignal, limits: TradingLimits) -> bool:
    """Say whether the other telling of this trade is the one whose shares count as the leader's."""
    if limits.on_pending == "wait":
        return bool(signal.pending)
    return bool(signal.completes)


def is_completed(signal: ActionableSignal, limits: TradingLimits) -> bool:
    """Say whether a confirmed trade is decided on again: a buy that waited, or was followed in part."""
    return signal.side == "BUY" and limits.on_pending != "follow"
