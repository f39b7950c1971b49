"""`OrderFilled` logs of the exchanges, decoded by hand from 32-byte words.

V1: topics (signature, order hash, maker, taker), words (maker asset, taker asset, maker amount, taker amount, fee).
V2 and V3: the same topics, words (side, token, maker amount, taker amount, fee, builder, metadata).
`maker` owns the filled order whatever its role, so it alone says whose fill it is: rows whose *taker* is a wallet
describe the other side's orders, and in MINT and MERGE matches they even name the other token (pitfalls 5 to 7).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.errors import Malformed
from shared.polymarket.wire.endpoints import ORDER_FILLED, ORDER_FILLED_V1
from shared.polymarket.wire.leader_fills import (
    ALL_EXCHANGES,
    HASH,
    FillReading,
    LeaderFill,
    NotTrade,
    by_assets,
    matching_fills,
    read_all,
    role_of,
)
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_text
from shared.polymarket.wire.venue_times import read_moment_ms

_WORD = 64
_WORDS = {ORDER_FILLED_V1: 5, ORDER_FILLED: 7}
_TOPICS = 4
_FEE = 4
"""The word of the fee. V1's is of the shares bought, and most of it came back later: it is not what a trade cost."""


def padded_address(address: str) -> str:
    """Return an address as a log topic."""
    return "0x" + "0" * 24 + address.removeprefix("0x").lower()


def read_logs(logs: Iterable[object], block_times_ms: Mapping[int, int] | None = None) -> FillReading:
    """Read `OrderFilled` logs; a block's time comes from the log itself, else from `block_times_ms`.

    Logs marked `removed` and other events are skipped. A log that an answer holds twice counts once.
    """
    unique: dict[tuple[str, str], object] = {}
    for place, log in enumerate(logs):
        unique.setdefault(_identity(log, place), log)
    return read_all(unique.values(), lambda log: _fill(log, block_times_ms or {}))


def _identity(log: object, place: int) -> tuple[str, str]:
    """Return what names a log; one that names nothing is only itself."""
    try:
        raw = as_object(log, "log")
    except Malformed:
        return "", f"#{place}"
    return read_text(raw, "transactionHash"), read_text(raw, "logIndex") or f"#{place}"


def _fill(log: Raw, block_times_ms: Mapping[int, int]) -> LeaderFill:
    if log.get("removed"):
        raise NotTrade("removed")
    if read_text(log, "address").lower() not in ALL_EXCHANGES:
        raise NotTrade("another contract")
    topics = [str(topic).lower() for topic in as_list(log.get("topics"), "topics")]
    if not topics or topics[0] not in _WORDS:
        raise NotTrade("other event")
    if len(topics) != _TOPICS:
        raise Malformed(f"{len(topics)} topics, expected {_TOPICS}")
    words = _data_words(read_text(log, "data"), _WORDS[topics[0]])
    is_v1 = topics[0] == ORDER_FILLED_V1
    token, side, shares, usdc = _amounts_v1(words) if is_v1 else _amounts_v2(words)
    return LeaderFill(
        leader=_address(topics[2]),
        tx_hash=matching_fills(HASH, read_text(log, "transactionHash").lower(), "transactionHash"),
        token_id=token,
        side=side,
        shares_micro=shares,
        usdc_micro=usdc,
        traded_at_ms=_time_ms(log, block_times_ms),
        log_index=hex_number(log, "logIndex"),
        role=role_of(_address(topics[3])),
        fee_micro=0 if is_v1 else words[_FEE],
    )


def _amounts_v1(words: list[int]) -> tuple[str, Any, int, int]:
    return by_assets(str(words[0]), str(words[1]), words[2], words[3])


def _amounts_v2(words: list[int]) -> tuple[str, Any, int, int]:
    """Side 0 buys: collateral given, shares received; side 1 the other way round."""
    side, token, paid, got = words[:4]
    if side not in {0, 1}:
        raise Malformed(f"side {side} is neither 0 (BUY) nor 1 (SELL)")
    given, received = ("0", str(token)) if side == 0 else (str(token), "0")
    return by_assets(given, received, paid, got)


def _data_words(data: str, count: int) -> list[int]:
    body = data.removeprefix("0x")
    if len(body) != count * _WORD:
        raise Malformed(f"{len(body)} hex digits of data, expected {count} words")
    try:
        return [int(body[start : start + _WORD], 16) for start in range(0, len(body), _WORD)]
    except ValueError as error:
        raise Malformed("data is no hex") from error


def _address(topic: str) -> str:
    matching_fills(HASH, topic, "topic")
    return "0x" + topic[-40:]


def _time_ms(log: Raw, block_times_ms: Mapping[int, int]) -> int:
    if log.get("blockTimestamp") is not None:
        return read_moment_ms(hex_number(log, "blockTimestamp"), "blockTimestamp")
    block = hex_number(log, "blockNumber")
    if block not in block_times_ms:
        raise Malformed(f"the time of block {block} is not known")
    return block_times_ms[block]


def hex_number(raw: Raw, name: str) -> int:
    """Return a quantity in hex.

    Raises:
        Malformed: it is none.
    """
    try:
        return int(str(raw.get(name)), 16)
    except ValueError as error:
        raise Malformed(f"{name}: expected a hex quantity, got {str(raw.get(name))[:40]!r}") from error
