"""The venue's order as it is signed: EIP-712 hashes with all constant parts made ahead, and the body that is posted.

Source: venue reference 3.3; `polymarket-client` 0.14.0, `orders/typed_data.py` and `post.py`, whose bytes these are.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache

import msgspec

from buyer.venue.polymarket.keccak import keccak
from buyer.venue.polymarket.wire.order_amounts import Kind, OrderAmounts
from shared.domain.market import Side, is_position, module_of
from shared.polymarket.wire.endpoints import CHAIN_ID, CTF_EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_CTF_EXCHANGE_V2

_ORDER = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    "uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_WRAPPED = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_NAME = "Polymarket CTF Exchange"
_NOTHING = bytes(32)
_SIDES = {"BUY": 0, "SELL": 1}


class WalletKind(IntEnum):
    """How the wallet that holds the money signs: the venue's signature types."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT = 3


@dataclass(frozen=True)
class TradingWallet:
    """Who trades: `funder` holds the money, `signer` signs for it. Both checksummed addresses."""

    kind: WalletKind
    funder: str
    signer: str

    @property
    def names(self) -> tuple[str, str]:
        """Return the order's maker and signer: a deposit wallet signs for itself."""
        return self.funder, self.funder if self.kind is WalletKind.DEPOSIT else self.signer


@dataclass(frozen=True)
class ExchangeContract:
    """Which contract settles a token, and the version of its signing domain."""

    address: str
    version: str


@dataclass(frozen=True)
class UnsignedOrder:
    """Every field that is signed, and the two that are only posted (`kind`, `expires_at_s`)."""

    wallet: TradingWallet
    exchange: ExchangeContract
    token_id: str
    side: Side
    amounts: OrderAmounts
    salt: int
    signed_at_ms: int
    metadata: str = "0x" + "0" * 64
    builder: str = "0x" + "0" * 64
    kind: Kind = "FAK"
    expires_at_s: int = 0
    post_only: bool = False

    @cached_property
    def contents(self) -> bytes:
        """Return the hash of the order's struct."""
        return keccak(
            _ORDER_TYPE
            + self.salt.to_bytes(32, "big")
            + _names(*self.wallet.names)
            + int(self.token_id).to_bytes(32, "big")
            + self.amounts.maker.to_bytes(32, "big")
            + self.amounts.taker.to_bytes(32, "big")
            + _SIDES[self.side].to_bytes(32, "big")
            + int(self.wallet.kind).to_bytes(32, "big")
            + self.signed_at_ms.to_bytes(32, "big")
            + bytes.fromhex(self.metadata[2:])
            + bytes.fromhex(self.builder[2:])
        )


def exchange_of(token_id: str, *, neg_risk: bool) -> ExchangeContract:
    """Return where a token trades.

    Raises:
        Malformed: a position of Protocol V2 that is no side of one market (`module_of`).
    """
    if is_position(token_id):
        module_of(token_id)
        return ExchangeContract(EXCHANGE_V3, "3")
    return ExchangeContract(NEG_RISK_CTF_EXCHANGE_V2 if neg_risk else CTF_EXCHANGE_V2, "2")


def order_hash(order: UnsignedOrder) -> str:
    """Return the hash by which venue and chain know the order."""
    return "0x" + _digest(order.exchange, order.contents).hex()


def order_digest(order: UnsignedOrder) -> bytes:
    """Return the 32 bytes to sign; a deposit wallet wraps the order in its own typed data (ERC-7739)."""
    contents = order.contents
    if order.wallet.kind is not WalletKind.DEPOSIT:
        return _digest(order.exchange, contents)
    before, after = _wrap(order.wallet.funder)
    return _digest(order.exchange, keccak(before + contents + after))


def whole_signature(order: UnsignedOrder, signature: bytes) -> str:
    """Return the signature as it is posted; a deposit wallet's carries what its contract needs to check it."""
    if order.wallet.kind is not WalletKind.DEPOSIT:
        return "0x" + signature.hex()
    kind = _ORDER.encode()
    trailer = _separator(order.exchange) + order.contents + kind + len(kind).to_bytes(2, "big")
    return "0x" + (signature + trailer).hex()


def order_body(order: UnsignedOrder, signature: str, owner: str) -> str:
    """Return the exact text to post: the same order, signed once, is the same bytes for ever."""
    maker, signer = order.wallet.names
    payload: dict[str, object] = {
        "deferExec": False,
        "order": {
            "builder": order.builder,
            "expiration": str(order.expires_at_s),
            "maker": maker,
            "makerAmount": str(order.amounts.maker),
            "metadata": order.metadata,
            "salt": order.salt,
            "side": order.side,
            "signature": signature,
            "signatureType": int(order.wallet.kind),
            "signer": signer,
            "takerAmount": str(order.amounts.taker),
            "timestamp": str(order.signed_at_ms),
            "tokenId": order.token_id,
        },
        "orderType": order.kind,
        "owner": owner,
    }
    if order.post_only:
        payload["postOnly"] = True
    return msgspec.json.encode(payload).decode()


def _digest(exchange: ExchangeContract, contents: bytes) -> bytes:
    return keccak(b"\x19\x01" + _separator(exchange) + contents)


@lru_cache(maxsize=8)
def _separator(exchange: ExchangeContract) -> bytes:
    name, version = keccak(_NAME.encode()), keccak(exchange.version.encode())
    return keccak(
        keccak(_DOMAIN.encode()) + name + version + CHAIN_ID.to_bytes(32, "big") + address_word(exchange.address)
    )


@lru_cache(maxsize=8)
def _names(maker: str, signer: str) -> bytes:
    return address_word(maker) + address_word(signer)


@lru_cache(maxsize=8)
def _wrap(wallet: str) -> tuple[bytes, bytes]:
    name, version = keccak(b"DepositWallet"), keccak(b"1")
    before = keccak((_WRAPPED + _ORDER).encode())
    return before, name + version + CHAIN_ID.to_bytes(32, "big") + address_word(wallet) + _NOTHING


def address_word(address: str) -> bytes:
    """Return an address as a 32-byte word."""
    return bytes.fromhex(address[2:]).rjust(32, b"\x00")


_ORDER_TYPE = keccak(_ORDER.encode())
