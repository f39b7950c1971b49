"""What we say to a node about pending transactions, and what it says: JSON-RPC over a websocket. Pure.

| way | asks for | offered by |
|---|---|---|
| `filtered` | whole transactions to the exchanges alone | Alchemy (`alchemy_pendingTransactions`) |
| `whole` | every pending transaction, whole | geth, bor and erigon of one's own; some providers |
| `hashes` | every hash; each has to be looked up | everybody else |

The ways are tried in this order: a node that knows none of the first says so by an error.
"""

from typing import Literal

import msgspec

from shared.domain.errors import Malformed
from shared.polymarket.wire.endpoints import CHAIN_ID, EXCHANGES
from shared.polymarket.wire.matches.signed_transaction import NodeTransaction

Way = Literal["filtered", "whole", "hashes"]
WAYS: tuple[Way, ...] = ("filtered", "whole", "hashes")
CHAIN_QUESTION = 1
"""The number of the question for the chain's id, which keeps the connection open as well."""
_FIRST_WAY, _LOOK_UP = 10, 1000
_METHODS: dict[Way, list[object]] = {
    "filtered": ["alchemy_pendingTransactions", {"toAddress": list(EXCHANGES), "hashesOnly": False}],
    "whole": ["newPendingTransactions", True],
    "hashes": ["newPendingTransactions"],
}


class _Params(msgspec.Struct, frozen=True):
    result: NodeTransaction | str | None = None


class _Error(msgspec.Struct, frozen=True):
    code: int = 0
    message: str = ""


class _Frame(msgspec.Struct, frozen=True):
    id: int | None = None
    params: _Params | None = None
    result: NodeTransaction | str | bool | None = None
    error: _Error | None = None


class PendingHash(msgspec.Struct, frozen=True):
    """The node tells a hash, to be looked up."""

    tx_hash: str


class RefusedWay(msgspec.Struct, frozen=True):
    """The node does not offer this way; `way` is None where it refuses something else."""

    way: Way | None
    why: str


class StandingWay(msgspec.Struct, frozen=True):
    """The node has taken a subscription."""

    way: Way


class ChainTold(msgspec.Struct, frozen=True):
    """The node says of which chain it is."""

    chain_id: int


NodeWord = NodeTransaction | PendingHash | StandingWay | RefusedWay | ChainTold
_DECODER = msgspec.json.Decoder(_Frame)


def chain_question() -> str:
    """Return what asks a node for its chain."""
    return _request(CHAIN_QUESTION, "eth_chainId", [])


def subscription(way: Way) -> str:
    """Return what subscribes to pending transactions in one way."""
    return _request(_FIRST_WAY + WAYS.index(way), "eth_subscribe", _METHODS[way])


def look_up(tx_hash: str) -> str:
    """Return what asks for a whole transaction by its hash."""
    return _request(_LOOK_UP, "eth_getTransactionByHash", [tx_hash])


def read_word(frame: str) -> NodeWord | None:
    """Read a frame; None for a look-up that found nothing.

    Raises:
        Malformed: it is nothing that a node says.
    """
    try:
        said = _DECODER.decode(frame)
    except msgspec.MsgspecError as error:
        raise Malformed(f"{error} in {frame[:200]!r}") from error
    if said.params is not None:
        return PendingHash(said.params.result) if isinstance(said.params.result, str) else said.params.result
    if said.error is not None:
        return RefusedWay(_way_of(said.id), f"{said.error.message[:200]} ({said.error.code})")
    if said.id == CHAIN_QUESTION:
        return ChainTold(_number(said.result))
    if isinstance(said.result, str) and (way := _way_of(said.id)):
        return StandingWay(way)
    return said.result if isinstance(said.result, NodeTransaction) else None


def is_polygon(told: ChainTold) -> bool:
    """Say whether a node is of the venue's chain."""
    return told.chain_id == CHAIN_ID


def _way_of(number: int | None) -> Way | None:
    place = (number or 0) - _FIRST_WAY
    return WAYS[place] if 0 <= place < len(WAYS) else None


def _number(result: object) -> int:
    try:
        return int(str(result), 16)
    except ValueError as error:
        raise Malformed(f"expected a chain's id, got {str(result)[:40]!r}") from error


def _request(number: int, method: str, params: list[object] | list[str]) -> str:
    asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return msgspec.json.encode(asked).decode()
