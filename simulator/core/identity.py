"""Made-up addresses, hashes and token ids that depend on nothing but their parts."""

import hashlib

from eth_hash.auto import keccak

_ZEROS = "0x" + "0" * 64


def digest(*parts: object) -> str:
    """Return 64 hex digits for these parts."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def hash32(*parts: object) -> str:
    """Return a 32-byte hash: a transaction, an order, a condition."""
    return "0x" + digest(*parts)


def address(*parts: object) -> str:
    """Return a 20-byte address in lower case."""
    return "0x" + digest("address", *parts)[:40]


def token(*parts: object) -> str:
    """Return an ERC-1155 position id as a decimal string."""
    return str(int(digest("token", *parts), 16))


def collection(condition_id: str, index_set: int) -> str:
    """Return the id of a condition's outcome apart from any collateral."""
    return hash32("collection", condition_id, index_set)


def position(collateral: str, condition_id: str, index_set: int) -> str:
    """Return the token id that ConditionalTokens derives from a collateral and an outcome (`getPositionId`)."""
    packed = bytes.fromhex(collateral[2:]) + bytes.fromhex(collection(condition_id, index_set)[2:])
    return str(int.from_bytes(keccak(packed), "big"))


def zero32() -> str:
    """Return 32 zero bytes."""
    return _ZEROS
