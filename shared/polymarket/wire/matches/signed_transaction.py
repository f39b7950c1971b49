"""A transaction as a node shows it, and the bytes that its sender signed: RLP, by hand. Pure; `rlp` judges it.

A node may write anything into `hash` and `from`. Both are made from the signed fields, so it cannot lie about them.
Types 0 (EIP-155), 1 (EIP-2930) and 2 (EIP-1559) are known; the venue's operator sends type 2.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct, field

from shared.domain.errors import Malformed

Rlp = bytes | list["Rlp"]
_LEGACY, _ACCESS_LIST, _DYNAMIC_FEE = 0, 1, 2
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half of secp256k1's order: a larger `s` is another spelling of a signature, with another hash (EIP-2)."""
_EIP155 = 35
_SHORT, _WORD_BYTES = 55, 8


class AccessEntry(Struct, frozen=True):
    """One entry of an access list."""

    address: str
    storage_keys: list[str] = field(name="storageKeys", default_factory=list[str])


class NodeTransaction(Struct, frozen=True, rename="camel"):
    """A transaction as JSON-RPC writes it (`eth_getTransactionByHash`); quantities are hex."""

    hash: str = ""
    to: str | None = None
    input: str = "0x"
    nonce: str = "0x0"
    gas: str = "0x0"
    value: str = "0x0"
    type: str = "0x0"
    chain_id: str | None = None
    gas_price: str | None = None
    max_fee_per_gas: str | None = None
    max_priority_fee_per_gas: str | None = None
    access_list: list[AccessEntry] | None = None
    v: str = "0x0"
    r: str = "0x0"
    s: str = "0x0"
    block_number: str | None = None


@dataclass(frozen=True, slots=True)
class SignedBytes:
    """What was signed, the signature as r, s and parity, and the whole bytes whose hash names the transaction."""

    unsigned: bytes
    signature: bytes
    whole: bytes
    nonce: int


def signed_bytes(transaction: NodeTransaction, chain_id: int) -> SignedBytes:
    """Return a transaction's bytes.

    Raises:
        Malformed: it is of another chain or a type that is not known, or its signature is no canonical one.
    """
    kind = _quantity(transaction.type)
    v, r, s = (_quantity(each) for each in (transaction.v, transaction.r, transaction.s))
    if not 0 < s <= _HALF_ORDER or r == 0:
        raise Malformed("a signature that is not canonical")
    build = _BUILDERS.get(kind)
    if build is None:
        raise Malformed(f"a transaction of type {kind}")
    unsigned, tail, prefix, parity = build(transaction, chain_id, v)
    if parity not in {0, 1}:
        raise Malformed(f"v {v} is no signature of chain {chain_id}")
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    whole = prefix + rlp([*tail, _number(v), _number(r), _number(s)])
    return SignedBytes(prefix + rlp(unsigned), signature, whole, _quantity(transaction.nonce))


def rlp(value: Rlp) -> bytes:
    """Encode bytes, or a list of what can be encoded, by the recursive length prefix."""
    if isinstance(value, bytes):
        if len(value) == 1 and value[0] < 0x80:  # noqa: PLR2004 - the format's own
            return value
        return _prefix(0x80, len(value)) + value
    body = b"".join(rlp(each) for each in value)
    return _prefix(0xC0, len(body)) + body


_Built = tuple[list[Rlp], list[Rlp], bytes, int]


def _legacy(transaction: NodeTransaction, chain_id: int, v: int) -> _Built:
    fields = _middle(transaction, [_hex_number(transaction.gas_price)])
    return [*fields, _number(chain_id), b"", b""], fields, b"", v - _EIP155 - 2 * chain_id


def _access_list(transaction: NodeTransaction, chain_id: int, v: int) -> _Built:
    return _typed(transaction, chain_id, v, b"\x01", [_hex_number(transaction.gas_price)])


def _dynamic_fee(transaction: NodeTransaction, chain_id: int, v: int) -> _Built:
    prices = [_hex_number(transaction.max_priority_fee_per_gas), _hex_number(transaction.max_fee_per_gas)]
    return _typed(transaction, chain_id, v, b"\x02", prices)


def _typed(transaction: NodeTransaction, chain_id: int, v: int, prefix: bytes, prices: list[bytes]) -> _Built:
    if transaction.chain_id is None or _quantity(transaction.chain_id) != chain_id:
        raise Malformed(f"a transaction of chain {transaction.chain_id}, not {chain_id}")
    fields = [_number(chain_id), *_middle(transaction, prices), _access(transaction)]
    return fields, fields, prefix, v


_BUILDERS: dict[int, Callable[[NodeTransaction, int, int], _Built]] = {
    _LEGACY: _legacy,
    _ACCESS_LIST: _access_list,
    _DYNAMIC_FEE: _dynamic_fee,
}


def _middle(transaction: NodeTransaction, prices: list[bytes]) -> list[Rlp]:
    to = _hex_bytes(transaction.to or "0x")
    given = (_hex_number(transaction.gas), to, _hex_number(transaction.value), _hex_bytes(transaction.input))
    return [_hex_number(transaction.nonce), *prices, *given]


def _access(transaction: NodeTransaction) -> Rlp:
    entries = transaction.access_list or []
    return [[_hex_bytes(each.address), [_hex_bytes(key) for key in each.storage_keys]] for each in entries]


def _prefix(base: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes([base + length])
    size = _number(length)
    return bytes([base + _SHORT + len(size)]) + size


def _number(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // _WORD_BYTES, "big")


def _hex_number(text: str | None) -> bytes:
    return _number(_quantity(text or "0x0"))


def _quantity(text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError as error:
        raise Malformed(f"expected a hex quantity, got {text[:40]!r}") from error
    if not 0 <= value < 1 << 256:
        raise Malformed(f"{text[:40]} is no unsigned 256-bit number")
    return value


def _hex_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise Malformed(f"expected hex, got {text[:40]!r}") from error
