"""Exact money: collateral and shares as integer micro-units inside, as decimal strings outside.

One micro-unit is 10^-6 of a share or of a pUSD: the precision of the chain (venue reference 7).
"""

import re
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    InvalidOperation,
)
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NewType, Self

from pydantic import BeforeValidator, PlainSerializer

from shared.domain.errors import Malformed

if TYPE_CHECKING:

    class MicroUnits(int):
        """Integers that add up with their own kind only; the type checker's view of the four below."""

        def __add__(self, other: Self, /) -> Self: ...  # pyright: ignore[reportIncompatibleMethodOverride]
        def __sub__(self, other: Self, /) -> Self: ...  # pyright: ignore[reportIncompatibleMethodOverride]
        def __radd__(self, other: int, /) -> Self: ...
        def __neg__(self) -> Self: ...
        def __abs__(self) -> Self: ...

    class Usdc(MicroUnits):
        """Collateral in micro-units of pUSD."""

    class Shares(MicroUnits):
        """Shares in micro-units."""

    class Price(MicroUnits):
        """Collateral for a whole share, in micro-units of pUSD: 500,000 is 0.5."""

    class Rate(MicroUnits):
        """A share of a whole in millionths: 70,000 is 7%."""

else:
    Usdc, Shares, Price, Rate = (NewType(name, int) for name in ("Usdc", "Shares", "Price", "Rate"))

MICRO = 1_000_000
_FEE_STEP = 10
"""Micro-units: fees have 5 decimals."""
_CUBED_STEP = MICRO**3 * _FEE_STEP
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)
_PER_UNIT = Decimal(MICRO)
_LARGE = 10**27
_SHORT = 28
"""Characters that Decimal's own precision never rounds."""
_ZERO = Decimal(0)
_MOST_ADJUSTED = 100
"""Places before the point: "1e999999" overflows, and a little less is an integer of megabytes."""
_PLACES, _MOST_SIGNS = 6, 40
"""An amount so short needs no rounding to be read."""
MOST_EXPONENT = 10
_ROOT_STEP = Decimal("1e-30")
"""What a fractional power is rounded to, so that a root of 0.25 is 0.5 and its fee is not cut by a step."""


def to_micro(value: Decimal | str) -> int:
    """Return `value` in micro-units, rounded half to even as the venue's doubles need it.

    Raises:
        Malformed: `value` is no finite number, or is large beyond reason.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
        if not number.is_finite() or number.adjusted() > _MOST_ADJUSTED:
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


FeeExponent = Annotated[int | Decimal, "fee exponent"]
"""The exponent of a fee: an integer where it is whole, as nearly always, else a decimal that crosses as a string."""


def fee_exponent_of(value: Decimal) -> int | Decimal:
    """Return a fee's exponent in its one form.

    Raises:
        Malformed: no schedule has one like it: below 0, or large beyond reason.
    """
    if not 0 <= value <= MOST_EXPONENT:
        raise Malformed(f"a fee exponent is 0 to {MOST_EXPONENT}, got {value}")
    return int(value) if value == value.to_integral_value() else decimal_text(value)


@lru_cache(maxsize=16_384)
def micro_text(micro: int) -> str:
    """Return micro-units as the decimal string that crosses processes: no exponent, no trailing zeros."""
    return _decimals(micro, 6).rstrip("0").rstrip(".") if micro % MICRO else str(micro // MICRO)


def _decimals(micro: int, places: int) -> str:
    whole, rest = divmod(abs(micro), MICRO)
    cut = f".{rest:06d}"[: places + 1] if places else ""
    return f"{'-' if micro < 0 else ''}{whole}{cut}"


@lru_cache(maxsize=16_384)
def places_of(micro: int) -> int:
    """Return how many decimals it takes to write micro-units."""
    return len(micro_text(micro).partition(".")[2])


def sum_text(*amounts: int) -> str:
    """Return the sum of micro-units as it is printed: with as many decimals as the longest of them."""
    return _decimals(sum(amounts), max(map(places_of, amounts)))


@lru_cache(maxsize=16_384)
def read_micro(text: str) -> int:
    """Return a decimal string in micro-units; more than 6 decimals are rounded half to even.

    Raises:
        ValueError: it is none.
    """
    if not _PLAIN(text):
        raise ValueError(f"not an amount: {text!r}")
    whole, _, rest = text.partition(".")
    if len(rest) <= _PLACES and len(whole) <= _MOST_SIGNS:
        return int(whole + rest.ljust(_PLACES, "0"))
    try:
        return to_micro(text)
    except Malformed as error:
        raise ValueError(str(error)) from error


_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch


def price_of(usdc: Usdc, shares: Shares) -> Price:
    """Return collateral per share, rounded half to even to a micro-unit; 0 for no shares."""
    return Price(half_even(usdc * MICRO, shares) if shares else 0)


def half_even(amount: int, by: int) -> int:
    """Return `amount` / `by`, rounded half to even; `by` is above 0."""
    whole, rest = divmod(amount, by)
    return whole + (2 * rest > by or (2 * rest == by and whole % 2 == 1))


def cost_micro(shares: Shares, price: Price) -> Usdc:
    """Return `shares` x `price`, rounded up: a cost is never understated."""
    return Usdc(-(-shares * price // MICRO))


def proceeds_micro(shares: Shares, price: Price) -> Usdc:
    """Return `shares` x `price`, rounded down: proceeds are never overstated."""
    return Usdc(shares * price // MICRO)


def taker_fee(shares: Shares, price: Price, rate: Rate, exponent: int | Decimal = 1) -> Usdc:
    """Return the taker's fee: shares x rate x (p x (1 - p))^exponent, cut to 5 decimals.

    A fractional power is rounded to 30 decimals first. Source: venue reference 3.5; cutting (not rounding) reproduces
    21 of 21 captured taker legs, rounding only 10.
    """
    if exponent == 1:
        exact, step = shares * rate * price * (MICRO - price), _CUBED_STEP
    else:
        share, of = _fee_ratio(price, rate, exponent)
        exact, step = shares * share, of * _FEE_STEP
    return Usdc(exact // step * _FEE_STEP if exact >= 0 else -(-exact // step * _FEE_STEP))


def paid_fee(shares: Shares, usdc: Usdc, rate: Rate, exponent: int | Decimal = 1) -> Usdc:
    """Return the fee of what was bought or sold for `usdc` in all: by its exact average price, 0 beyond 0 to 1."""
    if not 0 < usdc < shares:
        return Usdc(0)
    if exponent == 1:
        return Usdc(rate * usdc * (shares - usdc) // (shares * MICRO) // _FEE_STEP * _FEE_STEP)
    price = Decimal(usdc) / shares
    share, of = _WIDE.multiply(from_micro(rate), _power(_WIDE.multiply(price, 1 - price), exponent)).as_integer_ratio()
    return Usdc(shares * share // of // _FEE_STEP * _FEE_STEP)


@lru_cache(maxsize=4096)
def _fee_ratio(price: int, rate: int, exponent: int | Decimal) -> tuple[int, int]:
    """Return the fee of one micro-share, before it is cut, as a fraction of a micro-unit."""
    part = from_micro(price)
    spread = _WIDE.multiply(part, _WIDE.subtract(1, part))
    return _WIDE.multiply(from_micro(rate), _power(spread, exponent)).as_integer_ratio()


def _power(spread: Decimal, exponent: int | Decimal) -> Decimal:
    if isinstance(exponent, int):
        return _WIDE.power(spread, exponent)
    return _WIDE.quantize(_WIDE.power(spread, exponent), _ROOT_STEP) if spread > 0 else _ZERO


def floor_to(value: int, step: int) -> int:
    """Return the largest multiple of `step` that is not above `value`."""
    return value // step * step


def ceil_to(value: int, step: int) -> int:
    """Return the smallest multiple of `step` that is not below `value`."""
    return -(-value // step) * step
