"""How a pipeline stands: its one word, its processes and sources with their ages, and what a person has to look at."""

from typing import Literal

from shared.domain.value import Value

StateWord = Literal["running", "paused", "sells only", "flattening", "killed", "stopped", "away"]
"""`stopped`: no buyer or no detector works; `away`: the server or the venue does not answer. `why` says who or what."""


class BoardState(Value, frozen=True, kw_only=True):
    """What is traded now, in one word; who turned it so, why and since when (UTC ms), as far as that is known."""

    word: StateWord
    who: str = ""
    why: str = ""
    since_ms: int | None = None


class ServiceAge(Value, frozen=True, kw_only=True):
    """One process: `state` as `shared/process/beats` judges it, `age_ms` since its last beat.

    `lost`: it does not work and nobody told it to stop.
    """

    service: str
    instance: str
    mode: str
    state: str
    age_ms: int
    every_ms: int
    lost: bool = False
    reason: str = ""


class SourceAge(Value, frozen=True, kw_only=True):
    """One source of a detector; `age_ms` since it last answered, None when it never did."""

    name: str
    state: str
    age_ms: int | None = None
    lag_p50_ms: int | None = None
    lag_p95_ms: int | None = None
    coverage: float | None = None
    why: str = ""


class Alarm(Value, frozen=True, kw_only=True):
    """What a person has to look at. `name` stays the same for as long as it is the same trouble."""

    name: str
    severity: Literal["critical", "warning"]
    text: str
    fix: str = ""
    since_ms: int | None = None
