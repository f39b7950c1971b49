"""Our own fills as the chain tells them: which order, which signal (its metadata), how much. Pure.

Source: venue reference 7.6; the `OrderFilled` event of the V2 and V3 exchanges names the signed order's metadata.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.market import Side
from shared.polymarket.wire.endpoints import EXCHANGES, ORDER_FILLED
from shared.polymarket.wire.order_filled import hex_number
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_text

_WORD = 64
_WORDS = 7
_NONE = "0" * _WORD


@dataclass(frozen=True)
class ChainFill:
    """All that the chain shows of one of our orders; micro-units."""

    order_hash: str
    signal_id: str
    token_id: str
    side: Side
    shares: int
    usdc: int
    fee: int
    block: int = 0


def own_fills(logs: Iterable[object]) -> list[ChainFill]:
    """Return each order that was filled for a signal, its logs added up; orders without metadata are not ours.

    Raises:
        Malformed: a log cannot be read.
    """
    found: dict[str, ChainFill] = {}
    for log in (as_object(log, "log") for log in logs):
        fill = _fill(log)
        if fill is not None:
            found[fill.order_hash] = _added(found.get(fill.order_hash), fill)
    return list(found.values())


def _fill(log: Raw) -> ChainFill | None:
    topics = [str(topic).lower() for topic in as_list(log.get("topics"), "topics")]
    body = read_text(log, "data").removeprefix("0x")
    words = [body[start : start + _WORD] for start in range(0, len(body), _WORD)]
    ours = read_text(log, "address").lower() in EXCHANGES and topics[:1] == [ORDER_FILLED]
    if log.get("removed") or not ours or len(words) != _WORDS or words[6] == _NONE:
        return None
    side, token, paid, got, fee = (int(word, 16) for word in words[:5])
    shares, usdc = (got, paid) if side == 0 else (paid, got)
    block = hex_number(log, "blockNumber") if "blockNumber" in log else 0
    return ChainFill(topics[1], words[6], str(token), "BUY" if side == 0 else "SELL", shares, usdc, fee, block)


def _added(before: ChainFill | None, fill: ChainFill) -> ChainFill:
    if before is None:
        return fill
    return ChainFill(
        fill.order_hash,
        fill.signal_id,
        fill.token_id,
        fill.side,
        before.shares + fill.shares,
        before.usdc + fill.usdc,
        before.fee + fill.fee,
        before.block,
    )
