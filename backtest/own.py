"""The leaders' own results in a history, without following anybody: what they paid, got and were paid, before fees."""

from collections.abc import Iterable

from backtest.happenings import Happening, ordered
from backtest.markets import Resolved
from backtest.standing import Theirs
from shared.events import ActionableSignal
from shared.money import to_micro


def own_results(happenings: Iterable[Happening]) -> Theirs:
    """Add up every trade and payout.

    Raises:
        Malformed: the happenings are not in order.
    """
    theirs = Theirs()
    tokens: dict[str, dict[str, int]] = {}
    for _, what in ordered(happenings):
        if isinstance(what, ActionableSignal):
            said = what.market
            tokens.setdefault(said.condition_id, {})[what.token_id] = said.outcome_index or 0
            shares, usdc = to_micro(what.shares), to_micro(what.usdc)
            theirs.trade(what.leader, what.token_id, what.side, shares, usdc)
        elif isinstance(what, Resolved):
            for token_id, place in tokens.pop(what.condition_id, {}).items():
                theirs.pay(token_id, what.payouts[place])
    return theirs
