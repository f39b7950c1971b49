"""The leaders' own results in a history, without following anybody: what they paid, got and were paid, before fees."""

from collections.abc import Iterable

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.results.pnl import LeaderSums
from shared.messages.signals import ActionableSignal


def leader_results(market_events: Iterable[MarketEvent]) -> LeaderSums:
    """Add up every trade and payout."""
    theirs = LeaderSums()
    tokens: dict[str, dict[str, int]] = {}
    for _, what in market_events:
        if isinstance(what, ActionableSignal):
            tokens.setdefault(what.market.condition_id, {})[what.token_id] = what.market.outcome_index or 0
            theirs.add_trade(what.leader, what.token_id, what.side, what.shares, what.usdc)
        elif isinstance(what, ResolvedMarket):
            for token_id, place in tokens.pop(what.condition_id, {}).items():
                theirs.pay_token(token_id, what.payouts[place])
    return theirs
