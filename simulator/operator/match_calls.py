"""A match as the operator calls it: every order signed by its wallet, amounts that come out as the match says.

V2: `matchOrders(bytes32, Order, Order[], uint256, uint256[], uint256, uint256[])`; V3 without the condition and with
the taker's amounts in a struct at the end. An order gives what was filled of it and receives what the match gave it, so
that the contract's own division is exact; the taker's asks for less, so that it crosses makers at different prices.
"""

from dataclasses import dataclass

from eth_abi.abi import encode
from eth_hash.auto import keccak

from simulator.core import contracts, identity
from simulator.core.fill import Match, Order
from simulator.exchange.eip712 import address_bytes, digest, domain_separator, struct_hash
from simulator.exchange.signatures import ORDER, WRAPPED
from simulator.exchange.wallet_types import DEPOSIT
from simulator.operator.keyring import Keyring, address_of, sign

_TUPLE = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
_V2 = ["bytes32", _TUPLE, f"{_TUPLE}[]", "uint256", "uint256[]", "uint256", "uint256[]"]
_V3 = [_TUPLE, f"{_TUPLE}[]", "uint256[]", "uint256[]", "(uint256,uint256,uint256)"]
_VERSIONS = {contracts.EXCHANGE_V3: "3"}
_DOMAIN = "Polymarket CTF Exchange"
_ROOM = 2
"""The taker asks for half of what he gets: his limit is no price anybody traded at."""


@dataclass(frozen=True)
class CallOrder:
    """An order as calldata holds it, and its hash."""

    values: tuple[object, ...]
    hash: str


class MatchCalls:
    """Write matches as calldata."""

    def __init__(self, keyring: Keyring) -> None:
        """Sign with these keys."""
        self._keyring = keyring

    def calldata(self, match: Match, exchange: str, fee: int, *, signer: bytes | None = None) -> bytes:
        """Return the call; `signer` signs the taker's order in the place of its own wallet."""
        makers = [self._order(match, each, exchange, number) for number, each in enumerate(match.makers)]
        taker = self._order(match, match.taker, exchange, len(makers), room=_ROOM, signer=signer)
        fills, fees = [_gives(each) for each in match.makers], [each.fee for each in match.makers]
        own, fee = _gives(match.taker), fee + match.taker.fee
        orders = [each.values for each in makers]
        if exchange == contracts.EXCHANGE_V3:
            amounts = (own, _receives(match.taker), fee)
            return _call(_V3, [taker.values, orders, fills, fees, amounts])
        condition = bytes.fromhex(match.market.condition_id[2:]).rjust(32, b"\0")
        return _call(_V2, [condition, taker.values, orders, own, fills, fee, fees])

    def _order(
        self, match: Match, order: Order, exchange: str, number: int, *, room: int = 1, signer: bytes | None = None
    ) -> CallOrder:
        key, kind = self._keyring.of(order.wallet)
        named = order.wallet if kind == DEPOSIT else address_of(key)
        salt = int(identity.digest("salt", match.at_ms, order.wallet, number)[:13], 16)
        sold = order.side == "SELL"
        wants = max(1, _receives(order) // room)
        amounts = (int(match.market.tokens[order.outcome]), _gives(order), wants, int(sold), kind, match.at_ms)
        words = (order.metadata.to_bytes(32, "big"), order.builder.to_bytes(32, "big"))
        bare = (salt, order.wallet, named, *amounts, *words)
        separator = domain_separator(_DOMAIN, _VERSIONS.get(exchange, "2"), exchange)
        contents = struct_hash(ORDER, *(address_bytes(each) if isinstance(each, str) else each for each in bare))
        signature = _signature(signer or key, kind, order.wallet, separator, contents)
        return CallOrder((*bare, signature), "0x" + digest(separator, contents).hex())


def _signature(key: bytes, kind: int, wallet: str, separator: bytes, contents: bytes) -> bytes:
    if kind != DEPOSIT:
        return sign(key, digest(separator, contents))
    wrapped = struct_hash(
        WRAPPED + ORDER, contents, "DepositWallet", "1", contracts.CHAIN_ID, address_bytes(wallet), bytes(32)
    )
    trailer = separator + contents + ORDER.encode() + len(ORDER).to_bytes(2, "big")
    return sign(key, digest(separator, wrapped)) + trailer


def wrapped_digest(wallet: str, signature: bytes) -> bytes:
    """Return what a deposit wallet's owner signed, from the signature's own trailer."""
    separator, contents = signature[65:97], signature[97:129]
    wrapped = struct_hash(
        WRAPPED + ORDER, contents, "DepositWallet", "1", contracts.CHAIN_ID, address_bytes(wallet), bytes(32)
    )
    return digest(separator, wrapped)


def _gives(order: Order) -> int:
    return order.shares if order.side == "SELL" else order.usdc


def _receives(order: Order) -> int:
    return order.usdc if order.side == "SELL" else order.shares


def _call(kinds: list[str], values: list[object]) -> bytes:
    return keccak(f"matchOrders({','.join(kinds)})".encode())[:4] + encode(kinds, values)


def is_callable(match: Match) -> bool:
    """Tell whether a match can be called at all: captured rows may move nothing."""
    return all(each.shares > 0 and each.usdc > 0 for each in (match.taker, *match.makers))
