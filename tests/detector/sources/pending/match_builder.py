"""Matches as the operator sends them: orders signed by eth-account, calldata by eth-abi, wallets by the simulator."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from eth_abi.abi import encode
from eth_account import Account
from eth_hash.auto import keccak

from shared.polymarket.wire.endpoints import CHAIN_ID, CTF_EXCHANGE_V2, EXCHANGE_V3
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction
from simulator.exchange import eip712
from simulator.exchange.wallet_types import DEPOSIT, wallet_of

ORDER = "(uint256,address,address,uint256,uint256,uint256,uint8,uint8,uint256,bytes32,bytes32,bytes)"
V2_KINDS = ["bytes32", ORDER, ORDER + "[]", "uint256", "uint256[]", "uint256", "uint256[]"]
V3_KINDS = [ORDER, ORDER + "[]", "uint256[]", "uint256[]", "(uint256,uint256,uint256)"]
FIELDS = ("salt", "maker", "signer", "tokenId", "makerAmount", "takerAmount", "side", "signatureType", "timestamp")
_TYPES = ("uint256", "address", "address", *["uint256"] * 3, "uint8", "uint8", "uint256", "bytes32", "bytes32")
_STRUCT = "Order(" + ",".join(f"{a} {b}" for a, b in zip(_TYPES, (*FIELDS, "metadata", "builder"), strict=True)) + ")"
_WRAPPED = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
OPERATOR_KEY = "0x" + "0b" * 32
OPERATOR = Account.from_key(OPERATOR_KEY).address.lower()
CONDITION = "0x" + "c0" * 32
YES, NO = 101, 102
NOW_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Wallet:
    """A key and the wallet of some kind that it owns."""

    number: int
    kind: int = 0

    @property
    def account(self) -> Any:
        return Account.from_key(f"0x{self.number:064x}")

    @property
    def owner(self) -> str:
        return self.account.address.lower()

    @property
    def address(self) -> str:
        return wallet_of(self.owner, self.kind)


LEADER, MAKER, OTHER = Wallet(1), Wallet(2), Wallet(3)


@dataclass(frozen=True)
class Order:
    """An order of a wallet; `price` stands in its two amounts."""

    wallet: Wallet = LEADER
    token: int = YES
    side: int = 0
    gives: int = 52_000_000
    wants: int = 100_000_000
    salt: int = 7
    signed_at_ms: int = NOW_MS - 500
    exchange: str = CTF_EXCHANGE_V2
    metadata: bytes = bytes(32)
    changes: tuple[tuple[int, Any], ...] = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """Return the fields as they are signed."""
        wallet = self.wallet
        signer = wallet.address if wallet.kind == DEPOSIT else wallet.owner
        amounts = (self.token, self.gives, self.wants, self.side, wallet.kind, self.signed_at_ms)
        return (self.salt, wallet.address, signer, *amounts, self.metadata, bytes(32))

    @property
    def signature(self) -> bytes:
        """Return the owner's signature, as it is posted."""
        separator = eip712.domain_separator(
            "Polymarket CTF Exchange", "3" if self.exchange == EXCHANGE_V3 else "2", self.exchange
        )
        contents = eip712.struct_hash(_STRUCT, *map(_hashed, self.values))
        if self.wallet.kind != DEPOSIT:
            return self._signed(eip712.digest(separator, contents))
        address = eip712.address_bytes(self.wallet.address)
        wrapped = eip712.struct_hash(_WRAPPED + _STRUCT, contents, "DepositWallet", "1", CHAIN_ID, address, bytes(32))
        trailer = separator + contents + _STRUCT.encode() + len(_STRUCT).to_bytes(2, "big")
        return self._signed(eip712.digest(separator, wrapped)) + trailer

    @property
    def encoded(self) -> tuple[Any, ...]:
        """Return the struct as calldata holds it; `changes` are made after the signature."""
        values = [*self.values, self.signature]
        for place, value in self.changes:
            values[place] = value
        return tuple(values)

    def _signed(self, digest: bytes) -> bytes:
        return bytes(self.wallet.account.unsafe_sign_hash(digest).signature)


def _hashed(value: Any) -> Any:
    return eip712.address_bytes(value) if isinstance(value, str) else value


@dataclass(frozen=True)
class Match:
    """A leader buys 100 shares for 52 of one maker, unless a test says otherwise."""

    taker: Order = Order()
    makers: tuple[Order, ...] = (Order(MAKER, side=1, gives=100_000_000, wants=52_000_000),)
    taker_fill: int = 52_000_000
    fills: tuple[int, ...] = (100_000_000,)
    taker_fee: int = 0
    fees: tuple[int, ...] = (0,)
    received: int = 100_000_000
    exchange: str = CTF_EXCHANGE_V2
    operator_key: str = OPERATOR_KEY
    nonce: int = 5
    tip_gwei: int = 30
    condition: str = CONDITION
    legs: tuple[int, ...] = ()
    changes: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def calldata(self) -> bytes:
        """Return what the operator sends to the exchange."""
        taker, makers = self.taker.encoded, [each.encoded for each in self.makers]
        if self.exchange == EXCHANGE_V3:
            amounts = (self.taker_fill, self.received, self.taker_fee)
            words = [taker, makers, self.fills, self.fees, amounts]
            if self.legs:  # of a combination, which the exchange has prepared first
                return _call("matchOrdersAndPrepareCombinatorial", [*V3_KINDS, "uint256[]"], [*words, self.legs])
            return _call("matchOrders", V3_KINDS, words)
        values = [
            bytes.fromhex(self.condition[2:]),
            taker,
            makers,
            self.taker_fill,
            self.fills,
            self.taker_fee,
            self.fees,
        ]
        return _call("matchOrders", V2_KINDS, values)

    @property
    def node_json(self) -> dict[str, Any]:
        """Return the transaction as a node shows it while it is pending; `changes` are the node's own."""
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": self.nonce,
            "maxPriorityFeePerGas": self.tip_gwei * 10**9,
            "maxFeePerGas": 90 * 10**9,
            "gas": 800_000,
            "to": bytes.fromhex(self.exchange[2:]),
            "value": 0,
            "data": self.calldata,
            "accessList": [],
        }
        return {**signed_json(fields, self.operator_key), **self.changes}

    @property
    def transaction(self) -> NodeTransaction:
        """Return it as our reader gives it."""
        return msgspec.convert(self.node_json, NodeTransaction)


def signed_json(fields: dict[str, Any], key: str) -> dict[str, Any]:
    """Sign a transaction and write it as `eth_getTransactionByHash` does."""
    made = Account.from_key(key).sign_transaction(fields)
    shown = {name: hex(fields[name]) for name in fields if isinstance(fields[name], int) and name != "chainId"}
    to = fields["to"] if isinstance(fields["to"], str) else "0x" + fields["to"].hex()
    return {
        **shown,
        "type": hex(fields.get("type", 0)),
        "chainId": hex(CHAIN_ID),
        "accessList": fields.get("accessList"),
        "to": to,
        "input": "0x" + bytes(fields["data"]).hex(),
        "hash": "0x" + bytes(made.hash).hex(),
        "from": Account.from_key(key).address.lower(),
        "v": hex(made.v),
        "r": hex(made.r),
        "s": hex(made.s),
        "blockNumber": None,
    }


def _call(name: str, kinds: list[str], values: list[Any]) -> bytes:
    return keccak(f"{name}({','.join(kinds)})".encode())[:4] + encode(kinds, values)


def leaders_of(*wallets: Wallet) -> frozenset[bytes]:
    """Return wallets as the proof looks for them."""
    return frozenset(bytes.fromhex(each.address[2:]) for each in wallets)
