"""Who owns which wallet: seeded leaders have one of each type; whoever else trades has a deposit wallet of his own.

A wallet that no factory would give its owner (a captured one) says by ERC-1271 whose signature it takes.
"""

from functools import lru_cache

from eth_account import Account
from eth_keys.datatypes import PrivateKey

from simulator.core import identity
from simulator.exchange.eip712 import SignatureError, signer_of
from simulator.exchange.wallet_types import DEPOSIT, wallet_of

KINDS = 4


class Keyring:
    """Keys of wallets; a wallet that was never met gets one."""

    def __init__(self, seed: int) -> None:
        """Draw every key from a seed."""
        self._seed = seed
        self._known: dict[str, tuple[bytes, int]] = {}

    def leader(self, place: int) -> str:
        """Return the wallet of a seeded leader: plain, proxy, Safe and deposit wallet in turn."""
        key, kind = self._key("leader", place), place % KINDS
        wallet = wallet_of(address_of(key), kind)
        self._known[wallet] = key, kind
        return wallet

    def of(self, wallet: str) -> tuple[bytes, int]:
        """Return a wallet's key and type."""
        if wallet not in self._known:
            self._known[wallet] = self._key("wallet", wallet), DEPOSIT
        return self._known[wallet]

    def takes(self, wallet: str, digest: bytes, signature: bytes) -> bool:
        """Tell whether a deposit wallet takes a key's signature for its own (what ERC-1271 asks)."""
        try:
            return signer_of(digest, signature[:65]) == address_of(self.of(wallet)[0])
        except SignatureError:
            return False

    def _key(self, *parts: object) -> bytes:
        return bytes.fromhex(identity.digest("key", self._seed, *parts))


@lru_cache(maxsize=4096)
def address_of(key: bytes) -> str:
    """Return a key's own address, in lower case."""
    return str(Account.from_key(key).address).lower()


def sign(key: bytes, digest: bytes) -> bytes:
    """Return r, s and 27 or 28."""
    made = PrivateKey(key).sign_msg_hash(digest).to_bytes()
    return made[:64] + bytes([made[64] + 27])
