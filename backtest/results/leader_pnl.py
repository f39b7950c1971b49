"""The leaders' own results in a history, without following anybody: what they paid, got and were paid, before fees."""

from collections.abc import Iterable

from backtest.domain.market_events import Happening, ordered
from backtest.domain.market_state import Resolved
from backtest.results.pnl import Theirs
from shared.domain.leader_trade import LeaderTrade


def own_results(happenings: Iterable[Happening]) -> Theirs:
    """Add up every trade and payout.

    Raises:
        Malformed: the happenings are not in order.
    """
    theirs = Theirs()
    tokens: dict[str, dict[str, int]] = {}
    for _, what in ordered(happenings):
        if isinstance(what, LeaderTrade):
            tokens.setdefault(what.market.condition_id, {})[what.token_id] = what.market.outcome_index or 0
            theirs.trade(what.leader, what.token_id, what.side, what.shares_micro, what.usdc_micro)
        elif isinstance(what, Resolved):
            for token_id, place in tokens.pop(what.condition_id, {}).items():
                theirs.pay(token_id, what.payouts[place])
    return theirs
