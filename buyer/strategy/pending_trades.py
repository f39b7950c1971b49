"""What a buy does whose leader's trade was seen before its block: follow, follow in part, or wait. Pure.

The trade is told twice where that matters: pending, and then confirmed, as a signal of its own that `completes` it. A
stake is cut between the two, and the leader's shares count once.
"""

from buyer.strategy.limits import HUNDRED_PCT, TradingLimits
from shared.domain.money import Usdc
from shared.messages.signals import ActionableSignal


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
