"""EIP-712 as the contracts compute it, written from the standard: separators, struct hashes, digests, recovery."""

from functools import lru_cache

from eth_hash.auto import keccak

from simulator.core.contracts import CHAIN_ID

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_APP_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId)"
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
Value = int | str | bytes


class SignatureError(ValueError):
    """These bytes are no signature a contract would accept."""


def word(value: Value) -> bytes:
    """Return 32 bytes: numbers and addresses padded, 32 bytes as they are, texts hashed."""
    if isinstance(value, int):
        return value.to_bytes(32, "big")
    if isinstance(value, str):
        return keccak(value.encode())
    return value.rjust(32, b"\0")


@lru_cache(maxsize=32)
def _type_hash(type_string: str) -> bytes:
    return keccak(type_string.encode())


def address_bytes(address: str) -> bytes:
    """Return the 20 bytes of an address."""
    return bytes.fromhex(address[2:])


def struct_hash(type_string: str, *values: Value) -> bytes:
    """Return the hash of a struct's type and members."""
    return keccak(_type_hash(type_string) + b"".join(map(word, values)))


def domain_separator(name: str, version: str, contract: str = "") -> bytes:
    """Return the hash of a domain on Polygon, with or without a verifying contract."""
    if not contract:
        return struct_hash(_APP_DOMAIN, name, version, CHAIN_ID)
    return struct_hash(_DOMAIN, name, version, CHAIN_ID, address_bytes(contract))


def digest(separator: bytes, struct: bytes) -> bytes:
    """Return what is signed."""
    return keccak(b"\x19\x01" + separator + struct)


def signer_of(signed: bytes, signature: bytes) -> str:
    """Return the address that signed a digest; raise SignatureError for what OpenZeppelin's ECDSA refuses."""
    from eth_keys.datatypes import Signature  # noqa: PLC0415 - 0.2 s that only a signed request needs
    from eth_keys.exceptions import BadSignature  # noqa: PLC0415
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415

    if len(signature) != 65 or signature[64] not in {27, 28}:
        raise SignatureError("a signature has 65 bytes and ends with 27 or 28")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise SignatureError("a signature's s is in the lower half of the curve's order")
    try:
        known = Signature(signature[:64] + bytes([signature[64] - 27]))
        return known.recover_public_key_from_msg_hash(signed).to_address()
    except (BadSignature, ValidationError) as error:
        raise SignatureError(str(error)) from error
