"""The settings of how much a buy stakes."""

from decimal import Decimal

from pydantic import BaseModel, Field

from buyer.strategy.limit_values import Tiers
from buyer.strategy.limits import Sizing


class StakeSettings(BaseModel):
    """How a stake is reckoned: one way for all leaders, unless LEADER_LIMITS names another for one."""

    sizing: Sizing = Field(
        "fixed",
        description="How a buy's stake is reckoned: STAKE_USDC; LEADER_PCT of the leader's trade; the same part of our "
        "bankroll as of LEADER_BANKROLL_USDC; by TIERS; or by KELLY_*.",
    )
    stake_usdc: Decimal = Field(
        Decimal(5), gt=0, le=100_000, description="Collateral for each buy when sizing is fixed, in pUSD, fees on top."
    )
    leader_pct: Decimal = Field(
        Decimal(10), gt=0, le=1000, description="Percent of the leader's trade that we stake when sizing is percent."
    )
    leader_bankroll_usdc: Decimal = Field(
        Decimal(0),
        ge=0,
        description="What the leader has, for sizing proportional; 0 is unknown, and nothing is bought.",
    )
    tiers: Tiers = Field(
        "100:0.5,1000:0.1,*:0.02",
        description="For sizing tiered: leader trades up to so many pUSD, followed with so many times theirs.",
    )
    kelly_edge_pct: Decimal = Field(
        Decimal(0),
        ge=0,
        le=100,
        description="Percent that an outcome is worth above the leader's price, as you state it.",
    )
    kelly_fraction_pct: Decimal = Field(
        Decimal(25), gt=0, le=100, description="Percent of the Kelly stake to bet (25 is a quarter Kelly)."
    )
    kelly_cap_pct: Decimal = Field(
        Decimal(2), gt=0, le=100, description="Most percent of the bankroll in one buy when sizing is kelly."
    )
    max_stake_usdc: Decimal = Field(
        Decimal(100), gt=0, le=100_000, description="Most pUSD for one buy, whatever the sizing."
    )
