"""The other side of a market, sold first: a buy that only it stands in the way of waits until it is gone.

Both outcomes together pay 1, whatever they cost (pitfall 44). With `OTHER_OUTCOME=sell_first` the lots of the other
outcome get an exit of the ordinary kind, with its floor and its patience, and the buy is decided again until
`SELL_FIRST_S` is over: then it is skipped, and the exit goes on. A restart asks anew, while the signal is fresh.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from buyer.execution.exit_store import ExitStore
from buyer.execution.order_precedence import NotSettled
from buyer.strategy.exit_policy import other_side_exit
from buyer.strategy.limits import TradingLimits
from buyer.strategy.repeat_buys import OTHER_OUTCOME
from shared import logs
from shared.clock import Clock
from shared.domain.market import MarketFacts
from shared.messages.decisions import RuleResult
from shared.messages.signals import ActionableSignal

MOST_WAITING = 1000
"""Buys remembered that wait; who is forgotten begins anew."""


class OtherSide:
    """Sells what stands in the way of a buy; any thread's, as each signal is one thread's."""

    def __init__(self, exits: ExitStore, clock: Clock, log: logs.Log | None = None) -> None:
        self._exits, self._clock = exits, clock
        self._since: OrderedDict[str, float] = OrderedDict()
        self._log = log or logs.get_logger("exits")

    def sell_first(
        self, signal: ActionableSignal, facts: MarketFacts, rules: Sequence[RuleResult], limits: TradingLimits
    ) -> None:
        """Put a buy off whose every other rule passed; let it be skipped once its time is over.

        Raises:
            NotSettled: the other side is being sold; hand the buy in again.
            Unavailable: Redis is away. Fenced: another buyer is active.
        """
        if limits.other_outcome != "sell_first" or [rule.rule for rule in rules if not rule.passed] != [OTHER_OUTCOME]:
            self._since.pop(signal.id, None)
            return
        now = self._clock.monotonic()
        if signal.id not in self._since:
            self._since[signal.id] = now
            self._begin(signal, facts)
            while len(self._since) > MOST_WAITING:
                self._since.popitem(last=False)
        if now - self._since[signal.id] < limits.sell_first_s:
            raise NotSettled(f"signal {signal.id} waits for the exit from the other outcome")
        self._since.pop(signal.id)
        self._log.warning("other_side_not_sold", signal_id=signal.id, after_s=limits.sell_first_s, follows="no buy")

    def _begin(self, signal: ActionableSignal, facts: MarketFacts) -> None:
        state, now_ms = self._exits.read(), self._clock.now_ms()
        for lot in state.lots:
            other = lot.condition_id == facts.condition_id and lot.token_id != signal.token_id
            if other and lot.key not in state.tasks:
                task = other_side_exit(lot, signal, now_ms)
                self._exits.open(task)
                names = {"leader": lot.leader, "token_id": lot.token_id, "signal_id": signal.id}
                self._log.info("exit_begun", exit=task.id, reason=task.reason, **names)


SellFirst = Callable[[ActionableSignal, MarketFacts, Sequence[RuleResult], TradingLimits], None]


def never_first(
    _signal: ActionableSignal, _facts: MarketFacts, _rules: Sequence[RuleResult], _limits: TradingLimits
) -> None:
    """Sell nothing first."""
