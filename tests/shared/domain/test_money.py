"""Exact money, reckoned beside fractions: no shortcut changes a micro-unit."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.domain.errors import Malformed
from shared.domain.money import (
    Price,
    Rate,
    Shares,
    Usdc,
    decimal_text,
    from_micro,
    money_text,
    price_of,
    read_micro,
    taker_fee,
    to_micro,
)
from shared.messages.base import Address

D = Decimal

MICRO = 10**6


@given(st.decimals(D(-(10**15)), D(10**15), places=12))
def test_micro_units_are_rounded_half_to_even(value: Decimal) -> None:
    assert to_micro(value) == round(Fraction(value) * MICRO)


@pytest.mark.parametrize("value", [D("NaN"), D("Infinity"), "ten"])
def test_what_is_no_amount_is_refused_by_name(value: Decimal | str) -> None:
    with pytest.raises(Malformed, match="amount"):
        to_micro(value)


@given(st.integers(-(10**30), 10**30))
def test_an_amount_is_exact_and_has_one_form(micro: int) -> None:
    value = from_micro(micro)

    assert Fraction(value) * MICRO == micro or abs(micro) > 10**27
    assert "E" not in str(value)
    assert "." not in str(value) or not str(value).endswith("0")


@given(st.from_regex(r"-?[0-9]{1,50}(\.[0-9]{1,9})?", fullmatch=True))
def test_a_short_text_is_read_as_every_other_one(text: str) -> None:
    assert read_micro(text) == to_micro(text)


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_price_is_the_sum_over_the_shares(usdc: int, shares: int) -> None:
    assert price_of(Usdc(usdc), Shares(shares)) == round(Fraction(usdc * MICRO, shares))


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**4).map(lambda n: D(n).scaleb(-4)),
    st.integers(0, 10**4).map(lambda n: D(n).scaleb(-4)),
    st.integers(1, 3),
)
def test_a_fee_is_cut_to_five_decimals(shares: int, price: Decimal, rate: Decimal, exponent: int) -> None:
    exact = Fraction(shares, MICRO) * Fraction(rate) * (Fraction(price) * (1 - Fraction(price))) ** exponent

    assert taker_fee(Shares(shares), Price(to_micro(price)), Rate(to_micro(rate)), exponent) == int(exact * 10**5) * 10


def test_an_address_is_read_in_any_case_and_kept_in_lower_case() -> None:
    reader: TypeAdapter[str] = TypeAdapter(Address)

    assert reader.validate_python("0X" + "aB" * 20) == "0x" + "ab" * 20
    with pytest.raises(ValidationError):
        reader.validate_python("0x" + "ab" * 19 + "0g")


def test_a_fee_is_never_rounded_up() -> None:
    assert taker_fee(Shares(1), Price(500_000), Rate(70_000)) == 0
    assert (
        D(taker_fee(Shares(10_000_019), Price(370_000), Rate(70_000)))
        == (D(10_000_019) * D("0.07") * D("0.2331") / 10).quantize(D(1), ROUND_DOWN) * 10
    )


@given(st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(D(-2), D(2), places=6))
def test_a_text_of_money_is_the_canonical_form_whatever_form_the_value_has(value: Decimal) -> None:
    assert money_text(value) == format(decimal_text(value), "f")
