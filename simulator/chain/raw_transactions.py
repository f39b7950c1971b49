"""Signed transactions as wallets hand them to a node: type 2 (EIP-1559), without value or access list."""

from dataclasses import dataclass
from typing import cast

import rlp
from eth_account import Account
from eth_hash.auto import keccak

from simulator.core.contracts import CHAIN_ID

_FIELDS = 12


class BadTransactionError(ValueError):
    """A node would not take these bytes."""


@dataclass(frozen=True)
class Transaction:
    """What was signed; fees in wei for a unit of gas."""

    hash: str
    sender: str
    nonce: int
    tip: int
    most: int
    gas: int
    to: str
    data: str


def read(raw: str) -> Transaction:
    """Return the transaction in signed bytes, its sender recovered from them; raise BadTransactionError."""
    try:
        whole = bytes.fromhex(raw.removeprefix("0x"))
        fields = cast("list[bytes]", rlp.decode(whole[1:]))
        sender = str(Account.recover_transaction(raw))
    except Exception as error:
        msg = f"rlp: {error}"
        raise BadTransactionError(msg) from error
    if whole[0] != 2 or len(fields) != _FIELDS:
        msg = "transaction type not supported"
        raise BadTransactionError(msg)
    chain, nonce, tip, most, gas = (int.from_bytes(each, "big") for each in fields[:5])
    if chain != CHAIN_ID:
        msg = f"invalid chain id for signer: have {chain} want {CHAIN_ID}"
        raise BadTransactionError(msg)
    to, data = "0x" + fields[5].hex(), "0x" + fields[7].hex()
    return Transaction("0x" + keccak(whole).hex(), sender.lower(), nonce, tip, most, gas, to, data)
