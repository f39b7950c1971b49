"""Wallets of a signer, as the official SDK derives them (vectors made with polymarket-client 0.14.0)."""

import pytest
from eth_hash.auto import keccak as reference
from hypothesis import given
from hypothesis import strategies as st

from shared.polymarket.wire.keccak import keccak256
from shared.polymarket.wire.wallets import wallets_of

VECTORS = [
    (
        "0x1111111111111111111111111111111111111111",
        "0xf537a2b3159593a425e2fa8f5ba3bd3080d4a18a",
        "0x6b503ad95d139be2a07cd0e8888d71c6403d9c9c",
        "0xfaea0f08159fcf2f573fe24e9e989b0d48f7651b",
        "0x574548bc296a44a39a7828343fc262244f37a7e5",
    ),
    (
        "0xd8da6bf26964af9d7eed9e03e53415d37aa96045",
        "0x60a66958b3971d609e4fd831f66a1579c9853a51",
        "0xfdabd6595ee5ebc795e9e36c62c11f00ccd676c9",
        "0xd8c528a7d6e1a1979a8b379809679a7af3b241fd",
        "0x5b1c280c44a745e86aa8d6755ae936ee0ea2a8ac",
    ),
]


@pytest.mark.pitfall(5)
@pytest.mark.parametrize(("signer", "proxy", "safe", "uups", "beacon"), VECTORS)
def test_the_wallets_of_a_signer_are_those_of_the_official_sdk(
    signer: str, proxy: str, safe: str, uups: str, beacon: str
) -> None:
    assert wallets_of(signer) == {
        "proxy wallet": proxy,
        "Safe": safe,
        "deposit wallet (earlier kind)": uups,
        "deposit wallet": beacon,
    }


@given(st.binary(max_size=500))
def test_keccak_is_ethereums(data: bytes) -> None:
    assert keccak256(data) == reference(data)
