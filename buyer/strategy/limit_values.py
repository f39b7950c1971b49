"""The values that limits are made of: exact amounts, names, and tiers of sizes. Pure."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from shared.domain.errors import Malformed
from shared.domain.money import Price, Usdc, from_micro, micro_text, to_micro

REST = "*"
"""The tier of every larger trade."""


class SizeTier(NamedTuple):
    """Leader trades of up to `up_to` collateral (None: of any size) are followed with `multiplier` millionths of it."""

    up_to: Usdc | None
    multiplier: int


@lru_cache(maxsize=64)
def tiers_of(text: str) -> tuple[SizeTier, ...]:
    """Read `up to:multiplier` pairs, smallest first; `*` is every larger trade.

    Raises:
        ValueError: naming the pair and what it should be.
    """
    tiers = tuple(_tier(pair.strip()) for pair in text.split(",") if pair.strip())
    bounds = [tier.up_to for tier in tiers if tier.up_to is not None]
    if bounds != sorted(set(bounds)) or any(tier.up_to is None for tier in tiers[:-1]):
        raise ValueError(f"tiers {text!r}: the smallest trade first, each bound once, '*' last")
    return tiers


def _tier(pair: str) -> SizeTier:
    bound, colon, multiplier = pair.partition(":")
    try:
        times, up_to = _exact(Decimal(multiplier)), None if bound == REST else _exact(Decimal(bound))
    except (InvalidOperation, ValueError):
        times = up_to = -1
    if not colon or times < 0:
        raise ValueError(f"tier {pair!r}: expected `pUSD of the leader's trade:multiplier`, such as 100:0.5 or *:0.1")
    if up_to is not None and up_to <= 0:
        raise ValueError(f"tier {pair!r}: the bound must be above 0 pUSD")
    return SizeTier(None if up_to is None else Usdc(up_to), times)


def _checked_tiers(text: str) -> str:
    tiers_of(text)
    return text


def _split(value: Any) -> Any:  # noqa: ANN401 - a validator sees anything
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _exact(value: Any) -> int:  # noqa: ANN401 - a validator sees anything
    """Return an amount in micro-units.

    Raises:
        ValueError: it is none, or has more than 6 decimals.
    """
    if isinstance(value, float):
        raise ValueError(f"a float cannot hold money: {value!r}; send a decimal string")  # noqa: TRY004 - pydantic wants ValueError
    try:
        micro = to_micro(value)
    except Malformed as error:
        raise ValueError(str(error)) from error
    if from_micro(micro) != Decimal(value):
        raise ValueError(f"{value} has more than 6 decimals")
    return micro


_Exact = BeforeValidator(_exact)
_AsText = PlainSerializer(micro_text, return_type=str)
UsdcLimit = Annotated[Usdc, _Exact, _AsText]
PriceLimit = Annotated[Price, _Exact, _AsText]
Percent = Annotated[int, _Exact, _AsText]
"""Millionths of a percent."""
Tiers = Annotated[str, AfterValidator(_checked_tiers)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split)]
