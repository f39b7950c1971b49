"""Our bytes of a transaction are the libraries', and no spelling but the one that was signed is read."""

from typing import Any

import pytest
import rlp as library
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert

from shared.domain.errors import Malformed
from shared.polymarket.recovery import recovered_address
from shared.polymarket.wire.endpoints import CHAIN_ID, CTF_EXCHANGE_V2
from shared.polymarket.wire.matches import signed_transaction
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction, signed_bytes
from tests.detector.sources.pending.match_builder import OPERATOR, OPERATOR_KEY, signed_json

ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PRICES = {"gasPrice": 30 * 10**9}
COMMON = {"nonce": 7, "gas": 21_000, "to": bytes.fromhex(CTF_EXCHANGE_V2[2:]), "value": 5, "chainId": CHAIN_ID}
ACCESS = [{"address": "0x" + "11" * 20, "storageKeys": ["0x" + "22" * 32]}]
KINDS: dict[str, dict[str, Any]] = {
    "legacy": {**COMMON, **PRICES},
    "access list": {**COMMON, **PRICES, "type": 1, "accessList": ACCESS},
    "dynamic fee": {**COMMON, "type": 2, "maxFeePerGas": 9, "maxPriorityFeePerGas": 0, "accessList": ACCESS},
}


def a_node_transaction(fields: dict[str, Any], data: bytes = b"\x01\x02", **changes: Any) -> NodeTransaction:
    return convert({**signed_json({**fields, "data": data}, OPERATOR_KEY), **changes}, NodeTransaction)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"\x01", b"\x80", bytes(55), bytes(56), bytes(70_000)])
def test_hash_and_sender_are_those_of_the_library_that_signed(kind: str, data: bytes) -> None:
    transaction = a_node_transaction(KINDS[kind], data)

    signed = signed_bytes(transaction, CHAIN_ID)

    assert "0x" + keccak(signed.whole).hex() == transaction.hash
    assert recovered_address(keccak(signed.unsigned), signed.signature) == OPERATOR
    assert signed.nonce == 7


@given(st.recursive(st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5)))
def test_rlp_is_the_librarys(value: Any) -> None:
    assert signed_transaction.rlp(value) == library.encode(value)


def test_another_spelling_of_the_same_signature_is_refused() -> None:
    """It recovers to the same sender under another hash: one match would be two."""
    honest = a_node_transaction(KINDS["dynamic fee"])
    mirrored = hex(ORDER_OF_CURVE - int(honest.s, 16))
    forged = a_node_transaction(KINDS["dynamic fee"], s=mirrored, v=hex(1 - int(honest.v, 16)))

    with pytest.raises(Malformed, match="not canonical"):
        signed_bytes(forged, CHAIN_ID)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("dynamic fee", {"type": "0x4"}, "of type 4"),
        ("dynamic fee", {"chainId": "0x1"}, "of chain 0x1"),
        ("dynamic fee", {"v": "0x2"}, "v 2 is no signature"),
        ("legacy", {"v": "0x1b"}, "v 27 is no signature"),
        ("legacy", {"s": "0x0"}, "not canonical"),
        ("legacy", {"nonce": "seven"}, "hex quantity"),
        ("legacy", {"input": "0x1"}, "expected hex"),
    ],
)
def test_what_nobody_signed_for_this_chain_is_refused(kind: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        signed_bytes(a_node_transaction(KINDS[kind], **changes), CHAIN_ID)


@pytest.mark.parametrize("changes", [{"gas": "0x1"}, {"nonce": "0x9"}, {"input": "0x0103"}, {"value": "0x6"}])
def test_a_changed_field_is_another_sender(changes: dict[str, Any]) -> None:
    signed = signed_bytes(a_node_transaction(KINDS["dynamic fee"], **changes), CHAIN_ID)

    assert recovered_address(keccak(signed.unsigned), signed.signature) != OPERATOR
