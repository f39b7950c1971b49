"""The key that signed an order, and whether that key may sign for the wallet that pays.

Types 0 to 2 are a key's signature over the order. Type 3 is a deposit wallet's (ERC-1271): the key signs an
ERC-7739 `TypedDataSign` around the order, and the signature carries what the wallet needs to rebuild it.
"""

from functools import lru_cache

from simulator.core import contracts
from simulator.exchange.eip712 import SignatureError, address_bytes, digest, domain_separator, signer_of, struct_hash
from simulator.exchange.order_form import OrderForm
from simulator.exchange.wallet_types import DEPOSIT, owns

ORDER = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    "uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
WRAPPED = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_VERSIONS = {contracts.EXCHANGE_V3: "3"}
_KEY_SIGNATURE = 65


def order_hash(form: OrderForm, exchange: str) -> str:
    """Return the order's id: its EIP-712 digest for the exchange that would settle it."""
    return "0x" + digest(_separator(exchange), _contents(form)).hex()


def owner_of(form: OrderForm, exchange: str) -> str:
    """Return the key that signed for the paying wallet; raise SignatureError when it may not."""
    if form.signature_type == DEPOSIT:
        owner = _wrapped_owner(form, exchange)
    else:
        owner = signer_of(digest(_separator(exchange), _contents(form)), form.signature)
        if owner != form.signer:
            raise SignatureError(f"signed by {owner}, not by the signer {form.signer}")
    if not owns(owner, form.maker, form.signature_type):
        raise SignatureError(f"{form.maker} is no type {form.signature_type} wallet of {owner}")
    return owner


def _wrapped_owner(form: OrderForm, exchange: str) -> str:
    if form.signer != form.maker:
        raise SignatureError("a deposit wallet signs for itself: signer and maker differ")
    contents, kind = _contents(form), ORDER.encode()
    trailer = _separator(exchange) + contents + kind + len(kind).to_bytes(2, "big")
    if form.signature[_KEY_SIGNATURE:] != trailer:
        raise SignatureError("the trailer does not describe this order for this exchange")
    wrapped = struct_hash(
        WRAPPED + ORDER,
        contents,
        "DepositWallet",
        "1",
        contracts.CHAIN_ID,
        address_bytes(form.signer),
        bytes(32),
    )
    return signer_of(digest(_separator(exchange), wrapped), form.signature[:_KEY_SIGNATURE])


def _contents(form: OrderForm) -> bytes:
    return struct_hash(
        ORDER,
        form.salt,
        address_bytes(form.maker),
        address_bytes(form.signer),
        int(form.token_id),
        form.maker_amount,
        form.taker_amount,
        int(form.side == "SELL"),
        form.signature_type,
        form.timestamp,
        bytes.fromhex(form.metadata[2:]),
        bytes.fromhex(form.builder[2:]),
    )


@lru_cache(maxsize=8)
def _separator(exchange: str) -> bytes:
    return domain_separator("Polymarket CTF Exchange", _VERSIONS.get(exchange, "2"), exchange)
