"""Exact money: collateral and shares as integer micro-units inside, as decimal strings outside.

One micro-unit is 10^-6 of a share or of a pUSD: the precision of the chain (venue reference 7).
"""

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    InvalidOperation,
)
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from shared.domain.errors import Malformed

MICRO = 1_000_000
_FEE_STEP = 10
"""Micro-units: fees have 5 decimals."""
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PER_UNIT = Decimal(MICRO)
_LARGE = 10**27
_SHORT = 28
"""Characters that Decimal's own precision never rounds."""
_ZERO = Decimal(0)
MOST_EXPONENT = 10
_ROOT_STEP = Decimal("1e-30")
"""What a fractional power is rounded to, so that a root of 0.25 is 0.5 and its fee is not cut by a step."""


def to_micro(value: Decimal | int | str) -> int:
    """Return `value` in micro-units, rounded half to even as the venue's doubles need it.

    Raises:
        Malformed: `value` is no finite number.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
        if not number.is_finite():
            raise Malformed(f"not a finite amount: {value!r}")
        return round(_WIDE.multiply(number, _PER_UNIT))
    except (InvalidOperation, TypeError, ValueError) as error:
        raise Malformed(f"not an amount: {value!r}") from error


@lru_cache(maxsize=16_384)
def from_micro(micro: int) -> Decimal:
    """Return micro-units as an exact decimal, without trailing zeros; kept, as balances repeat."""
    if not micro:
        return _ZERO
    if abs(micro) >= _LARGE:
        return decimal_text(Decimal(micro).scaleb(-6))
    return _WIDE.divide(micro, _PER_UNIT)  # exact, and as few decimals as that takes


def decimal_text(value: Decimal) -> Decimal:
    """Return `value` in its one canonical form: no exponent, no trailing zeros."""
    if value == value.to_integral_value():
        return value.quantize(Decimal(1)) if abs(value) < Decimal(10) ** 27 else value
    return value.normalize()


def money_text(value: Decimal) -> str:
    """Return `value` as it crosses processes: its canonical form, never with an exponent."""
    text = str(value)
    last = text[-1]
    if len(text) <= _SHORT and "E" not in text and (last in "123456789" or (last == "0" and "." not in text)):
        return text  # no trailing zeros, no exponent, nothing to round: the form itself
    return format(decimal_text(value), "f")


def _read_decimal(value: Any) -> Any:  # noqa: ANN401 - a validator sees anything
    if isinstance(value, float):
        raise ValueError(f"a float cannot hold money: {value!r}; send a decimal string")  # noqa: TRY004 - pydantic wants ValueError
    return value


Money = Annotated[
    Decimal,
    BeforeValidator(_read_decimal),
    PlainSerializer(money_text, return_type=str, when_used="json"),
]
"""A decimal that crosses processes as a canonical string; never a float."""


def _read_exponent(value: Any) -> Any:  # noqa: ANN401 - a validator sees anything
    if not isinstance(value, str | Decimal):
        return value
    try:
        return fee_exponent_of(Decimal(value))
    except (InvalidOperation, Malformed) as error:
        raise ValueError(f"not a fee exponent: {value!r}") from error


def _exponent_json(value: int | Decimal) -> int | str:
    return value if isinstance(value, int) else money_text(value)


FeeExponent = Annotated[
    int | Decimal,
    BeforeValidator(_read_exponent),
    PlainSerializer(_exponent_json, return_type=int | str, when_used="json"),
]
"""The exponent of a fee: an integer where it is whole, as nearly always, else a decimal that crosses as a string."""


def fee_exponent_of(value: Decimal) -> int | Decimal:
    """Return a fee's exponent in its one form.

    Raises:
        Malformed: no schedule has one like it: below 0, or large beyond reason.
    """
    if not 0 <= value <= MOST_EXPONENT:
        raise Malformed(f"a fee exponent is 0 to {MOST_EXPONENT}, got {value}")
    return int(value) if value == value.to_integral_value() else decimal_text(value)


def price_of(usdc_micro: int, shares_micro: int) -> Decimal:
    """Return collateral per share to 6 decimals, rounded half to even; 0 for no shares."""
    if shares_micro == 0:
        return _ZERO
    micro, rest = divmod(usdc_micro * MICRO, shares_micro)
    return from_micro(micro + (2 * rest > shares_micro or (2 * rest == shares_micro and micro % 2 == 1)))


def cost_micro(shares_micro: int, price: Decimal) -> int:
    """Return `shares_micro` x `price` in micro-units, rounded up: a cost is never understated."""
    return int((shares_micro * price).to_integral_value(ROUND_CEILING))


def proceeds_micro(shares_micro: int, price: Decimal) -> int:
    """Return `shares_micro` x `price` in micro-units, rounded down: proceeds are never overstated."""
    return int((shares_micro * price).to_integral_value(ROUND_FLOOR))


def fee_micro(shares_micro: int, price: Decimal, rate: Decimal, exponent: int | Decimal = 1) -> int:
    """Return the taker's fee in micro-units: shares x rate x (p x (1 - p))^exponent, cut to 5 decimals.

    A fractional power is rounded to 30 decimals first. Source: venue reference 3.5; cutting (not rounding) reproduces
    21 of 21 captured taker legs, rounding only 10.
    """
    share, of = _fee_ratio(price, rate, exponent)
    fee = abs(shares_micro * share) // of // _FEE_STEP * _FEE_STEP
    return fee if shares_micro * share >= 0 else -fee


@lru_cache(maxsize=4096)
def _fee_ratio(price: Decimal, rate: Decimal, exponent: int | Decimal) -> tuple[int, int]:
    """Return the fee of one micro-share, before it is cut, as a fraction of a micro-unit."""
    spread = _WIDE.multiply(price, _WIDE.subtract(1, price))
    weight = spread if exponent == 1 else _power(spread, exponent)
    return _WIDE.multiply(rate, weight).as_integer_ratio()


def _power(spread: Decimal, exponent: int | Decimal) -> Decimal:
    if isinstance(exponent, int):
        return _WIDE.power(spread, exponent)
    return _WIDE.quantize(_WIDE.power(spread, exponent), _ROOT_STEP) if spread > 0 else _ZERO


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is not above `value`."""
    return decimal_text((value / step).to_integral_value(ROUND_FLOOR) * step)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is not below `value`."""
    return decimal_text((value / step).to_integral_value(ROUND_CEILING) * step)


def truncate_micro(value: Decimal, places: int) -> Decimal:
    """Return `value` cut to `places` decimals."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
