"""Settings that shape a world, with the delays measured on the real venue."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Era = Literal["v1", "v2"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Describe a world; seconds are venue seconds, divided by `speed` on the wall clock."""

    seed: int = 7
    speed: float = 1.0
    leaders: int = 3
    markets: int = 8
    fills_per_minute: float = 20.0
    era: Era = "v2"
    activity: tuple[Path, ...] = ()
    fund: tuple[tuple[str, str, str], ...] = ()
    """Owners, pUSD and wallet types that are there from the start."""

    chain_delay_s: float = 2.2
    rtds_delay_s: float = 2.0
    data_delay_s: float = 5.4
    pending_delay_s: float = 0.65
    """From a match until its transaction is seen pending."""
    pending_share: float = 0.92
    second_pending_s: float = 0.05
    """How much later the second node shows it."""
    block_s: float = 1.5
    fee_cap_bps: int = 1000
    """Most of a sale at its limit price that the exchanges take as its fee, in hundredths of a percent; 0: no cap."""
    data_refresh_s: float = 4.0

    resolve_after_s: float = 300.0
    gamma_lag_s: float = 30.0
    redeemable_lag_s: float = 90.0

    limits: bool = True
    limit_scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a world that cannot run."""
        if self.speed <= 0 or self.block_s <= 0:
            msg = "speed and block time must be above 0"
            raise ValueError(msg)

    def wall_ms(self, seconds: float) -> int:
        """Return venue seconds as wall-clock milliseconds at this speed."""
        return round(seconds * 1000 / self.speed)
