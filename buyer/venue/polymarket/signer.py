"""The signing key: read once, never shown, used for one thing."""

from pathlib import Path

from coincurve import PrivateKey
from pydantic import SecretStr

from buyer.venue.polymarket.keccak import keccak
from shared.domain.errors import BadConfig

_KEY_DIGITS = 64
_OTHERS = 0o077
_FIRST_V = 27


class OrderSigner:
    """Signs 32-byte digests (deterministically, RFC 6979); knows its address and says nothing else."""

    def __init__(self, key: SecretStr) -> None:
        self._key = PrivateKey(_key_bytes(key.get_secret_value()))
        self.address = checksummed(keccak(self._key.public_key.format(compressed=False)[1:])[12:].hex())

    def sign(self, digest: bytes) -> bytes:
        """Return the 65 bytes r, s, v."""
        found = self._key.sign_recoverable(digest, hasher=None)
        return found[:-1] + bytes([found[-1] + _FIRST_V])

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def read_key(key: SecretStr | None, file: Path | None) -> SecretStr:
    """Return the signing key from the environment, or from a file that only its owner can read.

    Raises:
        BadConfig: none is set, both are, or the file can be read by others.
    """
    if key is not None and file is not None:
        raise BadConfig("PRIVATE_KEY and PRIVATE_KEY_FILE are both set: keep the file, unset PRIVATE_KEY")
    if key is not None:
        return key
    if file is None:
        raise BadConfig("PRIVATE_KEY_FILE is not set: write the signing key to a file, chmod 600, name it there")
    return _key_in(file)


def checksummed(address: str) -> str:
    """Return an address (40 hex digits, 0x or not) in its mixed-case form (ERC-55)."""
    digits = address.removeprefix("0x").lower()
    marks = keccak(digits.encode()).hex()
    marked = zip(digits, marks, strict=False)
    return "0x" + "".join(digit.upper() if int(mark, 16) > 7 else digit for digit, mark in marked)  # noqa: PLR2004 - ERC-55's bound


def _key_in(file: Path) -> SecretStr:
    try:
        mode = file.stat().st_mode
        if mode & _OTHERS:
            raise BadConfig(f"PRIVATE_KEY_FILE={file} can be read by others ({mode & 0o777:o}): chmod 600 {file}")
        return SecretStr(file.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"PRIVATE_KEY_FILE={file} cannot be read ({type(error).__name__})") from None


def _key_bytes(text: str) -> bytes:
    """Read 64 hex digits; the message never holds them, and neither does its cause."""
    digits = text.strip().removeprefix("0x")
    try:
        key = bytes.fromhex(digits)
    except ValueError:
        key = b""
    if len(digits) != _KEY_DIGITS or not any(key):
        raise BadConfig("PRIVATE_KEY (hidden) is no signing key: 64 hex digits are expected, 0x before them or not")
    return key
