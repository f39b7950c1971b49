"""Calldata of a match is read as eth-abi wrote it, and nothing but a whole match is one."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Malformed
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_CTF_EXCHANGE_V2
from shared.polymarket.wire.matches.match_call import is_match, names_any, read_match
from tests.detector.sources.pending.match_builder import LEADER, MAKER, OTHER, Match, Order, Wallet, leaders_of

MANY = Match(
    makers=(Order(MAKER, side=1, gives=10, wants=5), Order(OTHER, token=102, gives=3, wants=7, salt=9)),
    fills=(4, 2),
    fees=(1, 0),
    taker_fee=3,
)


@pytest.mark.parametrize("exchange", [CTF_EXCHANGE_V2, NEG_RISK_CTF_EXCHANGE_V2, EXCHANGE_V3])
def test_every_field_of_every_order_is_read(exchange: str) -> None:
    match = dataclasses.replace(MANY, exchange=exchange)

    call = read_match(exchange, match.calldata)

    assert (call.taker.filled, call.taker.fee) == (52_000_000, 3)
    assert call.received == (100_000_000 if exchange == EXCHANGE_V3 else None)
    assert [(each.filled, each.fee) for each in call.makers] == [(4, 1), (2, 0)]
    second = call.makers[1].order
    assert (second.maker, second.signer, second.token_id) == (OTHER.address, OTHER.owner, 102)
    assert (second.maker_amount, second.taker_amount, second.is_sell) == (3, 7, False)
    assert second.signature == match.makers[1].signature


def test_orders_of_a_wallet_are_found_without_reading_the_rest() -> None:
    data = MANY.calldata

    assert names_any(CTF_EXCHANGE_V2, data, leaders_of(LEADER))
    assert names_any(CTF_EXCHANGE_V2, data, leaders_of(OTHER))
    assert not names_any(CTF_EXCHANGE_V2, data, leaders_of(Wallet(99)))


def test_a_call_of_anything_else_is_no_match() -> None:
    data = Match().calldata

    assert is_match(CTF_EXCHANGE_V2, data)
    assert not is_match(EXCHANGE_V3, data)
    assert not is_match("0x" + "11" * 20, data)
    assert not is_match(CTF_EXCHANGE_V2, b"\x00" * 100)


@given(st.integers(4, len(MANY.calldata) - 33))
def test_calldata_that_is_cut_short_is_said_so(length: int) -> None:
    with pytest.raises(Malformed):
        read_match(CTF_EXCHANGE_V2, MANY.calldata[:length])


@given(st.integers(0, 80), st.integers(0, 2**256 - 1))
def test_a_word_of_any_value_is_read_or_refused_and_never_hangs(place: int, value: int) -> None:
    data = bytearray(MANY.calldata)
    data[4 + 32 * place : 36 + 32 * place] = value.to_bytes(32, "big")

    try:
        read_match(CTF_EXCHANGE_V2, bytes(data))
    except Malformed:
        return


def test_lists_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(Malformed, match="2 makers with 1 fills"):
        read_match(CTF_EXCHANGE_V2, dataclasses.replace(MANY, fills=(4,)).calldata)
