"""Settings of `hybrid sweep` and `hybrid sweep-worker`: how files reach machines that lack them."""

from typing import ClassVar

from pydantic import Field

from shared.config import Settings

MB = 1_000_000


class SweepSettings(Settings):
    """How the files of a sweep reach workers on other machines."""

    program: ClassVar[str] = "hybrid sweep"

    sweep_store: str = Field(
        "",
        description="Folder that all machines see, or URL of fsspec (s3://bucket/sweeps), for the files of sweeps.",
    )
    sweep_redis_mb: int = Field(
        64, ge=0, le=4000, description="Files of a sweep up to so many MB go through Redis; 0 sends none there."
    )
    sweep_cache_mb: int = Field(
        10_000, ge=1, description="MB of fetched files that a machine keeps for its workers; the oldest go first."
    )
