"""The redeemer's settings."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from shared.config import Settings, parse
from shared.errors import RefusedForSafety


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Seconds = Annotated[tuple[Annotated[int, Field(ge=0, le=86_400)], ...], NoDecode, BeforeValidator(_split)]


class RedeemerSettings(Settings):
    """How often to look for resolved holdings, and how to run what they owe us.

    Examples: `python -m redeemer --scan-every-s 5`; `python -m redeemer.worker` runs the jobs,
    on any number of machines.
    """

    program: ClassVar[str] = "python -m redeemer"

    live: bool = Field(default=False, description="Redeem real holdings. Not built yet: refused.")
    dry_run: bool = Field(default=True, description="Paper holdings only; must be switched off as well for --live.")
    paper_wallet: str = Field(
        "paper", pattern="^[A-Za-z0-9_-]{1,64}$", description="Whose holdings: the name redemptions are booked under."
    )
    watcher: str = Field(
        "redeemer-0",
        pattern="^[A-Za-z0-9_.-]{1,64}$",
        description="This process's stable name; of several, one watches.",
    )
    scan_every_s: float = Field(
        15.0, gt=0, le=3600, description="Seconds between two looks at what is held and resolved."
    )
    redeem_queue: str = Field(
        "redeem", pattern="^[A-Za-z0-9_-]{1,64}$", description="rq queue that redemption jobs go through."
    )
    retry_after_s: Seconds = Field(
        (5, 15, 60), max_length=10, description="Seconds before each retry of a failed job, comma separated."
    )
    again_after_s: float = Field(
        180.0,
        ge=1,
        le=86_400,
        description="Seconds after which a job that failed or was lost is enqueued again; longer than any retry.",
    )
    resolutions_rate_per_s: float = Field(
        2.0,
        gt=0,
        le=200,
        description="Shared budget for resolutions from the Data API, asked when the RPC node is silent.",
    )


def parse_args(argv: list[str] | None = None) -> RedeemerSettings:
    """Read flags (None: the command line; []: none), environment and `--env-file`.

    Raises:
        BadConfig: naming the variable, the value and what it should be.
        RefusedForSafety: real holdings were asked for.
    """
    settings = parse(RedeemerSettings, argv)
    if settings.live or not settings.dry_run:
        raise RefusedForSafety(
            "LIVE=true / DRY_RUN=false: this version redeems paper holdings only and signs nothing; "
            "set LIVE=false and DRY_RUN=true, and redeem real ones on the venue's site meanwhile"
        )
    return settings
