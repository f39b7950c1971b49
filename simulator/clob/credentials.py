"""API keys: handed out to whoever proves to hold a wallet key (L1), checked on every private request (L2)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from simulator.core import identity
from simulator.exchange.eip712 import SignatureError, address_bytes, digest, domain_separator, signer_of, struct_hash
from simulator.gateway.http_messages import Call, RefusedError

_CLOB_AUTH = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_MESSAGE = "This message attests that I control the given wallet"
WINDOW_S = 60
"""How far a request's timestamp may lie from the venue's clock."""


@dataclass(frozen=True)
class ApiKey:
    """What a client needs to sign its requests; `address` is the wallet key that asked for it."""

    address: str
    key: str
    secret: str
    passphrase: str

    def record(self) -> dict[str, str]:
        """Return the key in the venue's words."""
        return {"apiKey": self.key, "secret": self.secret, "passphrase": self.passphrase}


class Credentials:
    """All API keys; the same address and nonce always give the same key."""

    def __init__(self, seed: int) -> None:
        """Start without keys."""
        self._seed = seed
        self._by_key: dict[str, ApiKey] = {}

    def create(self, call: Call, now_s: int) -> ApiKey:
        """Make the key of an address and nonce; refuse when it is there already."""
        made = self._make(*_proved(call.headers, now_s))
        if made.key in self._by_key:
            raise RefusedError(400, "Could not create api key")
        self._by_key[made.key] = made
        return made

    def derive(self, call: Call, now_s: int) -> ApiKey:
        """Return the key of an address and nonce; refuse when nobody made it."""
        made = self._make(*_proved(call.headers, now_s))
        if made.key not in self._by_key:
            raise RefusedError(400, "Could not derive api key!")
        return made

    def delete(self, key: ApiKey) -> None:
        """Forget a key."""
        del self._by_key[key.key]

    def of(self, address: str) -> list[ApiKey]:
        """Return an address's keys."""
        return [each for each in self._by_key.values() if each.address == address]

    def checked(self, call: Call, now_s: int) -> ApiKey:
        """Return whose request this is; refuse with 401 what is not signed rightly and now."""
        given = call.headers
        known = self._by_key.get(given.get("poly_api_key", ""))
        stamp = given.get("poly_timestamp", "")
        if known is None or not _timely(stamp, now_s) or given.get("poly_address", "").lower() != known.address:
            raise _unauthorized()
        signed = f"{stamp}{call.method}{call.path}".encode() + call.body
        fitting = hmac.compare_digest(_signature(known.secret, signed), given.get("poly_signature", ""))
        if not fitting or not hmac.compare_digest(known.passphrase, given.get("poly_passphrase", "")):
            raise _unauthorized()
        return known

    def matching(self, key: str, secret: str, passphrase: str) -> ApiKey | None:
        """Return the key all three words belong to, as the user channel asks for them."""
        known = self._by_key.get(key)
        return known if known and (known.secret, known.passphrase) == (secret, passphrase) else None

    def _make(self, address: str, nonce: int) -> ApiKey:
        root = identity.digest("api-key", self._seed, address, nonce)
        key = "-".join((root[:8], root[8:12], root[12:16], root[16:20], root[20:32]))
        secret = base64.urlsafe_b64encode(bytes.fromhex(identity.digest("secret", root))).decode()
        return ApiKey(address, key, secret, identity.digest("passphrase", root))


def _proved(headers: Mapping[str, str], now_s: int) -> tuple[str, int]:
    """Return the address and nonce of an L1 request whose signature holds."""
    address, stamp = headers.get("poly_address", "").lower(), headers.get("poly_timestamp", "")
    nonce = headers.get("poly_nonce", "0")
    try:
        signature = bytes.fromhex(headers.get("poly_signature", "").removeprefix("0x"))
        struct = struct_hash(_CLOB_AUTH, address_bytes(address), stamp, int(nonce), _MESSAGE)
        signer = signer_of(digest(domain_separator("ClobAuthDomain", "1"), struct), signature)
    except (SignatureError, ValueError, OverflowError) as error:
        raise RefusedError(401, "Invalid L1 Request headers") from error
    if signer != address or not _timely(stamp, now_s):
        raise RefusedError(401, "Invalid L1 Request headers")
    return address, int(nonce)


def _timely(stamp: str, now_s: int) -> bool:
    return stamp.isdecimal() and abs(int(stamp) - now_s) <= WINDOW_S


def _signature(secret: str, signed: bytes) -> str:
    raw = hmac.new(base64.urlsafe_b64decode(secret), signed, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(raw).decode()


def _unauthorized() -> RefusedError:
    return RefusedError(401, "Unauthorized/Invalid api key")
