"""The settings of what protects an exit: each is on by default, and off with the value it names."""

from decimal import Decimal

from pydantic import BaseModel, Field


class ExitSettings(BaseModel):
    """When not to sell, although an exit is due."""

    exit_floor_pct: Decimal = Field(
        Decimal(20),
        ge=0,
        le=100,
        description="Percent below what a lot is known to be worth (the leader's sale or the value that stood, the "
        "higher; else its cost) under which no exit sells, whatever the book shows; 100 sells at any price.",
    )
    exit_floor_step_pct: Decimal = Field(
        Decimal(10), ge=0, le=100, description="Percent that this floor comes down at a step; 0 never."
    )
    exit_floor_step_s: int = Field(
        30, gt=0, le=86_400, description="Seconds that an exit waits at its floor before the next step."
    )
    exit_floor_end_pct: Decimal = Field(
        Decimal(80),
        ge=0,
        le=100,
        description="Percent below which the floor never comes: there an exit waits for a bid, for redemption, or for "
        "`hybrid flatten --any-price`.",
    )
    exit_stand_s: int = Field(
        30, gt=0, le=3600, description="Seconds whose middle value of a whole lot at the bids is the value that stood."
    )
    trigger_looks: int = Field(
        3,
        ge=1,
        le=100,
        description="Looks in a row at which a stop, a gain or a time must hold before it sets an exit off, and each "
        "attempt asks again; 1 believes the first.",
    )
    trigger_s: int = Field(5, ge=0, le=3600, description="Seconds over which those looks must reach.")
    min_leader_sell_pct: Decimal = Field(
        Decimal(10),
        ge=0,
        le=100,
        description="Percent of what a leader holds that he must sell, at once or in pieces, before ours is sold; 0 is "
        "any.",
    )
    check_later_sale: bool = Field(
        default=True, description="Buy nothing of which a later sale of the leader's is known already."
    )
