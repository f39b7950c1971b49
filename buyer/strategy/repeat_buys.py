"""The rules that keep one bet from being paid for twice: pieces of one order, a token just left, both outcomes. Pure.

Each stands in a decision where its setting is on.
"""

from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.rule import rule
from buyer.strategy.signal_filters import BY_SHARE
from buyer.strategy.sizing import LEAST_BUY, is_cut
from shared.domain.money import Usdc, micro_text

OTHER_OUTCOME = "other_outcome"
"""The rule that fails while the market's other outcome is held."""


@rule(lambda case: (_staked_text(case), f"{case.limits.stake_window_s} s"))
def check_stake_window(case: DecisionContext) -> bool:
    """Check that a leader's order is staked on once, in however many trades it was filled (pitfall 44).

    Of a stake that is a share of each trade every piece gets its own, and the rest of a stake is no second one.
    """
    staked = case.balances.staked
    rest = case.signal.completes and is_cut(case.signal, case.limits)
    if staked is None or rest or case.limits.sizing in BY_SHARE:
        return True
    return case.now_ms - staked.at_ms >= case.limits.stake_window_s * 1000


def _staked_text(case: DecisionContext) -> str:
    staked = case.balances.staked
    return f"{micro_text(staked.usdc)} staked {_ago(case, staked.at_ms)}" if staked else "nothing staked"


@rule(lambda case: (_left_text(case), f"{case.limits.cooldown_s} s"))
def check_cooldown(case: DecisionContext) -> bool:
    """Check that the token was not sold whole a moment ago: who buys back pays the spread twice (pitfall 41)."""
    left = case.balances.left
    return left is None or case.now_ms - left.at_ms >= case.limits.cooldown_s * 1000


def _left_text(case: DecisionContext) -> str:
    left = case.balances.left
    return f"{left.reason} {_ago(case, left.at_ms)}" if left else "not left"


def _ago(case: DecisionContext, at_ms: int) -> str:
    return f"{micro_text((case.now_ms - at_ms) * 1000)} s ago"


@rule(lambda case: (case.balances.other_outcome or Usdc(0), "less than 1"))
def other_outcome(case: DecisionContext) -> bool:
    """Check that the market's other outcome is not held: a pair that cost more than 1 pays 1 (pitfall 44).

    Less than the venue's smallest buy is what was left of a lot, and counts as nothing.
    """
    return (case.balances.other_outcome or 0) < LEAST_BUY
