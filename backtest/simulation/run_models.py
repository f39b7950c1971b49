"""Models of what no record holds: delays, prices, facts and payouts of a run."""

from dataclasses import dataclass, field

from backtest.domain.market_state import AssumedFacts
from backtest.domain.price_model import PriceModel
from backtest.simulation.latency import ConstantDelay, Delay


@dataclass(frozen=True)
class RunModels:
    """What stands in for the world that no record holds."""

    delay: Delay = field(default_factory=lambda: ConstantDelay(2000))
    order_ms: int = 300
    redeem_ms: int = 180_000
    prices: PriceModel = field(default_factory=PriceModel)
    markets: AssumedFacts = field(default_factory=AssumedFacts)

    def descriptions(self) -> dict[str, str]:
        """Return each model in words, for the result."""
        return {
            "delay to the decision": str(self.delay),
            "order to the book": f"{self.order_ms} ms",
            "resolution to the payout": f"{self.redeem_ms / 1000:g} s",
            "prices": str(self.prices),
            "facts where none are recorded": str(self.markets),
        }
