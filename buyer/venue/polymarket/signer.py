"""The signing key in use: never shown, used for one thing (`shared/signing_key` reads it)."""

from coincurve import PrivateKey
from pydantic import SecretStr

from buyer.venue.polymarket.keccak import keccak

_FIRST_V = 27


class OrderSigner:
    """Signs 32-byte digests (deterministically, RFC 6979); knows its address and says nothing else."""

    def __init__(self, key: SecretStr) -> None:
        self._key = PrivateKey(bytes.fromhex(key.get_secret_value()))
        self.address = checksummed(keccak(self._key.public_key.format(compressed=False)[1:])[12:].hex())

    def sign(self, digest: bytes) -> bytes:
        """Return the 65 bytes r, s, v."""
        found = self._key.sign_recoverable(digest, hasher=None)
        return found[:-1] + bytes([found[-1] + _FIRST_V])

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def checksummed(address: str) -> str:
    """Return an address (40 hex digits, 0x or not) in its mixed-case form (ERC-55)."""
    digits = address.removeprefix("0x").lower()
    marks = keccak(digits.encode()).hex()
    marked = zip(digits, marks, strict=False)
    return "0x" + "".join(digit.upper() if int(mark, 16) > 7 else digit for digit, mark in marked)  # noqa: PLR2004 - ERC-55's bound
