"""Credentials for the venue's API: L1 (a signed statement, for API keys) and L2 (an HMAC over every request).

Source: venue reference 3.2; `polymarket-client` 0.14.0, `_internal/l1_auth.py` and `_internal/hmac.py`.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from pydantic import SecretStr

from buyer.venue.polymarket.keccak import keccak
from buyer.venue.polymarket.order_signing import address_word
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.venue_time import VenueTime
from shared.domain.errors import BadConfig
from shared.polymarket.wire.endpoints import CHAIN_ID

_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId)"
_CLOB_AUTH = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_STATEMENT = "This message attests that I control the given wallet"


@dataclass(frozen=True)
class ApiKey:
    """The venue's key for one signer; `owner` is no secret to the venue but is one to everybody else."""

    owner: SecretStr
    secret: SecretStr
    passphrase: SecretStr


class RequestHeaders:
    """Makes the headers of every L2 request."""

    def __init__(self, address: str, key: ApiKey, time: VenueTime | None = None) -> None:
        self.time = time or VenueTime()
        self._address, self.key = address, key
        self._keyed = hmac.new(_decoded(key.secret.get_secret_value()), digestmod=hashlib.sha256)
        self._owner, self._passphrase = key.owner.get_secret_value(), key.passphrase.get_secret_value()

    @property
    def owner(self) -> str:
        """Return the API key that order bodies name."""
        return self._owner

    def headers(self, method: str, path: str, body: str, now_ms: int) -> dict[str, str]:
        """Return the headers for the exact `body` ('' for none) to `path`, which is without its query string."""
        stamp = str(self.time.at(now_ms) // 1000)
        mark = self._keyed.copy()  # set up once: looking the algorithm up takes longer than the hash itself
        mark.update(f"{stamp}{method}{path}{body}".encode())
        return {
            "POLY_ADDRESS": self._address,
            "POLY_API_KEY": self._owner,
            "POLY_PASSPHRASE": self._passphrase,
            "POLY_SIGNATURE": base64.urlsafe_b64encode(mark.digest()).decode("ascii"),
            "POLY_TIMESTAMP": stamp,
        }


def statement_headers(signer: OrderSigner, now_ms: int) -> dict[str, str]:
    """Return the L1 headers that ask for an API key."""
    stamp = str(now_ms // 1000)
    contents = keccak(
        keccak(_CLOB_AUTH.encode())
        + address_word(signer.address)
        + keccak(stamp.encode())
        + bytes(32)
        + keccak(_STATEMENT.encode())
    )
    domain = keccak(keccak(_DOMAIN.encode()) + keccak(b"ClobAuthDomain") + keccak(b"1") + CHAIN_ID.to_bytes(32, "big"))
    return {
        "POLY_ADDRESS": signer.address,
        "POLY_NONCE": "0",
        "POLY_SIGNATURE": "0x" + signer.sign(keccak(b"\x19\x01" + domain + contents)).hex(),
        "POLY_TIMESTAMP": stamp,
    }


def _decoded(secret: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except (binascii.Error, ValueError):
        raise BadConfig("API_SECRET (hidden) is no base64: take it from the venue, or unset it to derive one") from None
