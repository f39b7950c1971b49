"""The calldata of the exchanges' match functions, decoded by hand from 32-byte words. Pure; `eth-abi` judges it.

V2: `matchOrders(bytes32 conditionId, Order taker, Order[] makers, uint256 takerFill, uint256[] makerFills,
uint256 takerFee, uint256[] makerFees)` (venue reference 7.7; the contract's interface of June 2026).
V3: `matchOrders(Order taker, Order[] makers, uint256[] makerFills, uint256[] makerFees, (uint256 fill, uint256
received, uint256 fee) taker)`, and the same with a list of legs behind it, which prepares a combination first.
Fills are in units of what the order gives: collateral of a BUY, shares of a SELL.
"""

from collections.abc import Collection
from dataclasses import dataclass

from shared.domain.errors import Malformed
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2, EXCHANGE_V3, NEG_RISK_CTF_EXCHANGE_V2

MATCH_V2, MATCH_V3, MATCH_COMBINATION_V3 = "3c2b4399", "0fb25ba4", "e75cf6e5"
MOST_MAKERS = 256
"""No match of the venue has so many; what claims more is no match of it."""
_WORD, _SELECTOR, _ADDRESS_AT = 32, 4, 12
_ORDER_WORDS = 12
_LAST_FIELD = 10


@dataclass(frozen=True, slots=True)
class CalledOrder:
    """One signed order as the operator hands it in: `struct` are its eleven signed words, addresses lower case."""

    struct: bytes
    maker: str
    signer: str
    token_id: int
    maker_amount: int
    taker_amount: int
    is_sell: bool
    signature_type: int
    signed_at_ms: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class OrderFill:
    """An order, how much of what it gives is filled, and the fee; micro-units."""

    order: CalledOrder
    filled: int
    fee: int


@dataclass(frozen=True, slots=True)
class MatchCall:
    """One match: the taker's order against the makers', on one exchange; `received` is what only V3's call states."""

    exchange: str
    taker: OrderFill
    makers: tuple[OrderFill, ...]
    received: int | None = None


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which argument stands in which word of the head."""

    taker: int
    makers: int
    fills: int
    fees: int
    taker_fill: int
    taker_fee: int
    received: int | None = None


_V2 = _Layout(taker=1, makers=2, fills=4, fees=6, taker_fill=3, taker_fee=5)
_V3 = _Layout(taker=0, makers=1, fills=2, fees=3, taker_fill=4, received=5, taker_fee=6)
_LAYOUTS = {
    (CTF_EXCHANGE_V2, bytes.fromhex(MATCH_V2)): _V2,
    (NEG_RISK_CTF_EXCHANGE_V2, bytes.fromhex(MATCH_V2)): _V2,
    (EXCHANGE_V3, bytes.fromhex(MATCH_V3)): _V3,
    (EXCHANGE_V3, bytes.fromhex(MATCH_COMBINATION_V3)): _V3,
}


def is_match(to: str, data: bytes) -> bool:
    """Say whether this is a match on an exchange of the venue; `to` in lower case."""
    return (to, data[:_SELECTOR]) in _LAYOUTS


def names_any(to: str, data: bytes, wallets: Collection[bytes]) -> bool:
    """Say whether an order of one of `wallets` (20 bytes each) is in a match; decodes nothing else.

    Raises:
        Malformed: the calldata is cut short.
    """
    layout = _LAYOUTS[to, data[:_SELECTOR]]
    return any(data[at : at + 20] in wallets for at in _owners_at(data, layout))


def read_match(to: str, data: bytes) -> MatchCall:
    """Decode the calldata of a match.

    Raises:
        Malformed: it is cut short, or its lists do not belong together.
    """
    layout = _LAYOUTS[to, data[:_SELECTOR]]
    makers = [_order(data, at) for at in _orders_at(data, layout.makers)]
    fills, fees = _numbers(data, layout.fills), _numbers(data, layout.fees)
    if not len(makers) == len(fills) == len(fees):
        raise Malformed(f"{len(makers)} makers with {len(fills)} fills and {len(fees)} fees")
    taker = _order(data, _offset(data, layout.taker))
    return MatchCall(
        to,
        OrderFill(taker, _head(data, layout.taker_fill), _head(data, layout.taker_fee)),
        tuple(OrderFill(*each) for each in zip(makers, fills, fees, strict=True)),
        None if layout.received is None else _head(data, layout.received),
    )


def _owners_at(data: bytes, layout: _Layout) -> list[int]:
    orders = [_offset(data, layout.taker), *_orders_at(data, layout.makers)]
    return [at + _WORD + _ADDRESS_AT for at in orders]


def _orders_at(data: bytes, place: int) -> list[int]:
    """Return where the orders of a list begin."""
    start = _offset(data, place)
    count = _number(data, start)
    if count > MOST_MAKERS:
        raise Malformed(f"{count} makers in one match")
    first = start + _WORD
    return [first + _number(data, first + index * _WORD) for index in range(count)]


def _numbers(data: bytes, place: int) -> list[int]:
    start = _offset(data, place)
    count = _number(data, start)
    if count > MOST_MAKERS:
        raise Malformed(f"a list of {count} amounts in one match")
    return [_number(data, start + (index + 1) * _WORD) for index in range(count)]


def _order(data: bytes, at: int) -> CalledOrder:
    struct = _slice(data, at, (_LAST_FIELD + 1) * _WORD)
    words = [int.from_bytes(struct[start : start + _WORD], "big") for start in range(0, len(struct), _WORD)]
    signed_at = at + _number(data, at + (_ORDER_WORDS - 1) * _WORD)
    side = words[6]
    if side not in {0, 1}:
        raise Malformed(f"side {side} is neither 0 (BUY) nor 1 (SELL)")
    return CalledOrder(
        struct=struct,
        maker=_address(struct, 1),
        signer=_address(struct, 2),
        token_id=words[3],
        maker_amount=words[4],
        taker_amount=words[5],
        is_sell=side == 1,
        signature_type=words[7],
        signed_at_ms=words[8],
        signature=_slice(data, signed_at + _WORD, _number(data, signed_at)),
    )


def _address(struct: bytes, place: int) -> str:
    """Return an address field; the contracts refuse one whose upper bytes are not 0."""
    word = struct[place * _WORD : (place + 1) * _WORD]
    if any(word[:_ADDRESS_AT]):
        raise Malformed("an address longer than 20 bytes")
    return "0x" + word[_ADDRESS_AT:].hex()


def _head(data: bytes, place: int) -> int:
    return _number(data, _SELECTOR + place * _WORD)


def _offset(data: bytes, place: int) -> int:
    return _SELECTOR + _head(data, place)


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(_slice(data, at, _WORD), "big")


def _slice(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise Malformed(f"calldata of {len(data)} bytes points to byte {at + length}")
    return data[at : at + length]
