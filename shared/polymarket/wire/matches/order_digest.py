"""The hashes that makers of orders sign: EIP-712 over the words of the calldata. Pure; hashing is handed in.

Source: venue reference 3.3. A deposit wallet's owner signs an ERC-7739 `TypedDataSign` around the order; its signature
carries the exchange's domain, the order's hash and its type behind the 65 bytes of the key.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.polymarket.wire.endpoints import CHAIN_ID, EXCHANGE_V3
from shared.polymarket.wire.matches.match_call import CalledOrder

Hasher = Callable[[bytes], bytes]

EOA, PROXY, SAFE, DEPOSIT = range(4)
KEY_SIGNATURE = 65
_ORDER = (
    b"Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    b"uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_WRAPPED = (
    b"TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_NAME = b"Polymarket CTF Exchange"


@dataclass(frozen=True, slots=True)
class OrderDigests:
    """An order's hash as venue and chain know it, and what the owner of its wallet signed."""

    order_hash: bytes
    signed: bytes


class DigestMaker:
    """Make the digests of one exchange; its constant parts are hashed once."""

    def __init__(self, exchange: str, keccak: Hasher) -> None:
        self._keccak = keccak
        version = b"3" if exchange == EXCHANGE_V3 else b"2"
        self._order_type, self._wrapped_type = keccak(_ORDER), keccak(_WRAPPED + _ORDER)
        self._wallet_domain = keccak(b"DepositWallet") + keccak(b"1") + CHAIN_ID.to_bytes(32, "big")
        self._separator = keccak(
            keccak(_DOMAIN) + keccak(_NAME) + keccak(version) + CHAIN_ID.to_bytes(32, "big") + _word(exchange)
        )

    def digests(self, order: CalledOrder) -> OrderDigests:
        """Return the hashes of an order: what was signed is the order's own, but for a deposit wallet's."""
        contents = self._keccak(self._order_type + order.struct)
        order_hash = self._digest(contents)
        if order.signature_type != DEPOSIT:
            return OrderDigests(order_hash, order_hash)
        wrapped = self._wrapped_type + contents + self._wallet_domain + _word(order.maker) + bytes(32)
        return OrderDigests(order_hash, self._digest(self._keccak(wrapped)))

    def trailer(self, order: CalledOrder) -> bytes:
        """Return what stands behind the key's signature of a deposit wallet."""
        contents = self._keccak(self._order_type + order.struct)
        return self._separator + contents + _ORDER + len(_ORDER).to_bytes(2, "big")

    def _digest(self, contents: bytes) -> bytes:
        return self._keccak(b"\x19\x01" + self._separator + contents)


def _word(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(32, b"\0")
