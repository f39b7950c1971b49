"""Stops of which the data cannot tell whether they would have fired, as trades alone say the price there. Pure."""

from backtest.results.result import CannotTell, SignalOutcome
from backtest.results.run_stats import Sink
from buyer.strategy.exit_policy import exit_trigger
from buyer.strategy.limits import TradingLimits

UNSEEN = "whether a stop would have fired: between the known trades no book was recorded"


class StopDoubts:
    """Counts the buys that a stop watches, on the outcomes' way to `sink`."""

    def __init__(self, limits: TradingLimits, sink: Sink) -> None:
        self._limits, self._sink = limits, sink
        self._watched = self._unseen = 0

    def add_outcome(self, outcome: SignalOutcome) -> None:
        """Count one outcome and pass it on."""
        if outcome.verdict == "BUY" and outcome.shares and exit_trigger(self._limits.of(outcome.leader)):
            self._watched += 1
            self._unseen += outcome.evidence != "book"
        self._sink(outcome)

    def cannot_tell(self) -> tuple[CannotTell, ...]:
        """Return the question, with the share of watched buys that it concerns."""
        return (CannotTell(what=UNSEEN, trades=self._unseen, of=self._watched),) if self._unseen else ()
