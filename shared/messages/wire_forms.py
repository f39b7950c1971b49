"""How single words stand on the wire: amounts, addresses, hashes. Pure."""

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from shared.domain.money import (
    FeeExponent,
    Money,
    Price,
    Rate,
    Shares,
    Usdc,
    fee_exponent_of,
    micro_text,
    money_text,
    read_micro,
)
from shared.messages.base import Address, Hash

Make = Callable[[Any], Any]
"""Makes what a field holds of what stands on the wire, or the reverse.

Raises:
    ValueError: it is none.
"""

_MONEY = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}").fullmatch
_HASH = re.compile(r"0[xX][0-9a-fA-F]{64}").fullmatch


class WireForm(NamedTuple):
    """How a field stands on the wire, and what turns one into the other; None where both are the same."""

    type: Any
    read: Make | None = None
    write: Make | None = None
    optional: bool = False
    """Whether it may be None, for which nothing has to be made anew each time."""


@lru_cache(maxsize=16_384)
def _read_money(said: str) -> Decimal:
    if _MONEY(said):
        return Decimal(said)
    raise ValueError(f"not an amount: {said!r}")


def _read_exponent(said: int | str) -> int | Decimal:
    return fee_exponent_of(Decimal(said) if isinstance(said, int) else _read_money(said))


def _write_exponent(value: int | Decimal) -> int | str:
    return value if isinstance(value, int) else money_text(value)


@lru_cache(maxsize=16_384)
def _read_address(said: str) -> str:
    if _ADDRESS(said):
        return said.lower()
    raise ValueError(f"not an address, 0x and 40 hex digits: {said!r}")


def _read_hash(said: str) -> str:
    if _HASH(said):
        return said.lower()
    raise ValueError(f"not a hash, 0x and 64 hex digits: {said!r}")


def _hex_text(digits: int) -> Any:  # noqa: ANN401 - a type with what its schema says of it
    return Annotated[str, Meta(extra_json_schema={"pattern": f"^0x[0-9a-f]{{{digits}}}$"})]


SPELLED_FORMS: dict[Any, WireForm] = {
    **dict.fromkeys((Usdc, Shares, Price, Rate), WireForm(str, read_micro, micro_text)),
    Money: WireForm(str, _read_money, money_text),
    FeeExponent: WireForm(int | str, _read_exponent, _write_exponent),
    Address: WireForm(_hex_text(40), _read_address, _read_address),
    Hash: WireForm(_hex_text(64), _read_hash, _read_hash),
}
"""The forms of those types that are written in words of their own."""
