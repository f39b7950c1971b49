"""What the policy decides by. Pure."""

from shared.events import fact_id
from shared.market import Value
from shared.money import Money


class Limits(Value, frozen=True):
    """What the policy decides by; part of every decision through its `id`."""

    stake_usdc: Money
    min_leader_usdc: Money
    min_price: Money
    max_price: Money
    max_slippage_ticks: int
    max_slippage_pct: Money
    max_signal_age_s: int
    max_clock_skew_s: int
    max_book_age_s: int
    max_market_usdc: Money
    max_day_usdc: Money
    bump_to_minimum: bool
    mirror_sells: bool

    @property
    def id(self) -> str:
        """Name this exact set of limits."""
        return fact_id("limits", self.model_dump_json())[:16]
