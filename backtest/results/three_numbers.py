"""Three numbers that add up: at the leader's prices, what the assumptions cost, what a follower has left. Pure."""

from pydantic import BaseModel

from backtest.results.amount_words import signed_usd, usd_text
from backtest.results.result import BacktestResult, Micro


class ThreeNumbers(BaseModel, frozen=True, extra="forbid"):
    """`at_leaders_prices` - `assumed` = `follower`, in micro-units, to the last one.

    The first is what the very orders that followed would have brought at the leader's own prices without any fee: what
    the leader made of these trades. `assumed` is what delay, spread, impact and fees took, each as recorded or assumed.
    """

    at_leaders_prices: Micro
    assumed: Micro
    follower: Micro

    @property
    def words(self) -> str:
        """Return them as one sum."""
        took = f"− {usd_text(self.assumed)}" if self.assumed >= 0 else f"+ {usd_text(-self.assumed)}"  # noqa: RUF001
        theirs, ours = signed_usd(self.at_leaders_prices), signed_usd(self.follower)
        return f"{theirs} at the leader's own prices {took} for delay, spread, impact and fees = {ours} for a follower"


def unknown_text(result: BacktestResult) -> str:
    """Return what leaders got for shares of unknown origin, in words; '' where nothing."""
    unknown = sum(row.theirs.unknown for row in result.leaders)
    if not unknown:
        return ""
    return f"{usd_text(unknown)} pUSD came for shares whose origin the history does not show: in no leader's result"


def three_numbers(result: BacktestResult) -> ThreeNumbers:
    """Return them for one run."""
    costs = result.costs
    assumed = costs.fees + costs.delay + costs.spread + costs.impact
    return ThreeNumbers(at_leaders_prices=result.pnl + assumed, assumed=assumed, follower=result.pnl)
