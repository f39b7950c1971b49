"""The CLOB's market channel: what to send, and what arrives (venue reference 4.1).

A frame is an object or an array of them. What cannot be read is told as `UnreadableFrame` with the tokens it names:
their books miss something from then on, so nobody may go on as if nothing had happened. Of the events, those that move
a book are read, and trades (`last_trade_price`), one that cannot be read being none; quotes and new markets are passed
over.

`hash` names a state of a book. Its formula is not published for today's fields, so it is compared, never computed.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, cast

from shared.domain.errors import Malformed, Rejected
from shared.domain.market import Side
from shared.domain.money import MICRO, Price, Shares, micro_text
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_amount, read_text

PING = "PING"
PONG = "PONG"
PING_EVERY_S = 10.0
PONG_WITHIN_S = 30.0
TOKENS_AT_ONCE = 10
"""Tokens in one subscription: the first books come in one frame, and a deep one can take 60 kB."""
REFUSALS = ("INVALID",)
"""How the venue's plain words begin when it did not take what we sent."""
_SHOWN_CHARS = 120

Levels = dict[Price, Shares]
"""Shares by price."""


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """A whole book, by push or by REST; `at_ms` is the venue's time of its last change."""

    token_id: str
    at_ms: int
    bids: Levels
    asks: Levels
    tick: Price | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A level's new total (0 removes it), and the best prices the venue has after it; None is not said."""

    token_id: str
    side: Side
    price: Price
    shares: Shares
    best_bid: Price | None = None
    best_ask: Price | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class LevelChanges:
    """What changed at one moment, in one market: often both of its tokens."""

    at_ms: int
    changes: tuple[LevelChange, ...]


@dataclass(frozen=True, slots=True)
class TickSizeChanged:
    """A token's prices stand on another grid from now on (pitfall 17)."""

    token_id: str
    at_ms: int
    tick: Price


@dataclass(frozen=True, slots=True)
class MarketEnded:
    """A market was resolved: its tokens trade no more."""

    token_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TradePrinted:
    """A trade: the taker's token and shares, told about when it matches; `tx_hash` is '' where none is named."""

    token_id: str
    at_ms: int
    price: Price
    shares: Shares
    tx_hash: str


@dataclass(frozen=True, slots=True)
class UnreadableFrame:
    """Something that moves books could not be read; no tokens means that it may concern any."""

    token_ids: tuple[str, ...]
    problem: str


Message = BookSnapshot | LevelChanges | TickSizeChanged | MarketEnded | TradePrinted | UnreadableFrame


def greeting_frame(token_ids: Iterable[str]) -> str:
    """Return a connection's first frame; the custom events bring `market_resolved`."""
    return _frame({"type": "market", "assets_ids": [*token_ids], "custom_feature_enabled": True})


def subscription_frame(token_ids: Iterable[str]) -> str:
    """Return the frame that asks for more tokens."""
    return _frame({"operation": "subscribe", "assets_ids": [*token_ids], "custom_feature_enabled": True})


def cancellation_frame(token_ids: Iterable[str]) -> str:
    """Return the frame that asks for tokens no more."""
    return _frame({"operation": "unsubscribe", "assets_ids": [*token_ids]})


def read_frame(frame: str) -> list[Message]:
    """Read one frame; empty for a pong, and for what is passed over. Never raises for what cannot be read.

    Raises:
        Rejected: the venue refuses what we asked for.
    """
    if not frame or frame == PONG:
        return []
    if frame.startswith(REFUSALS):
        raise Rejected(f"market channel refuses: {frame[:_SHOWN_CHARS]!r}")
    try:
        raw: object = _decoder.decode(frame)
    except (ValueError, RecursionError, InvalidOperation):
        return [UnreadableFrame((), f"frame is no JSON: {frame[:_SHOWN_CHARS]!r}")]
    rows = cast("list[object]", raw) if isinstance(raw, list) else [raw]
    return [message for row in rows if (message := _read(row)) is not None]


def read_snapshot(raw: object) -> BookSnapshot:
    """Read a book, as pushed or as answered by `/book` and `/books`: levels in any order (pitfall 16).

    Raises:
        Malformed: naming the field.
    """
    row = as_object(raw, "book")
    tick = Price(read_amount(row, "tick_size")) if row.get("tick_size") else None
    return BookSnapshot(
        _token(row), _time(row), _levels(row, "bids"), _levels(row, "asks"), tick, read_text(row, "hash")
    )


def _read(raw: object) -> Message | None:
    try:
        row = as_object(raw, "message")
        reader = _READERS.get(read_text(row, "event_type"))
        return reader(row) if reader else None
    except Malformed as error:
        return UnreadableFrame(_named(raw), str(error)[:_SHOWN_CHARS])


def _changes(row: Raw) -> LevelChanges:
    changes = as_list(row.get("price_changes"), "price_changes")
    return LevelChanges(_time(row), tuple(_change(as_object(one, "price_changes")) for one in changes))


def _change(row: Raw) -> LevelChange:
    side = read_text(row, "side")
    if side not in {"BUY", "SELL"}:
        raise Malformed(f"side: expected BUY or SELL, got {side!r}")
    price, shares = _level(row)
    best_bid, best_ask = _best(row, "best_bid"), _best(row, "best_ask")
    return LevelChange(_token(row), cast("Side", side), price, shares, best_bid, best_ask, read_text(row, "hash"))


def _best(row: Raw, name: str) -> Price | None:
    return Price(read_amount(row, name)) if row.get(name) not in {None, ""} else None


def _tick(row: Raw) -> TickSizeChanged:
    tick = Price(read_amount(row, "new_tick_size"))
    if not 0 < tick < MICRO:
        raise Malformed(f"new_tick_size: expected more than 0 and less than 1, got {micro_text(tick)}")
    return TickSizeChanged(_token(row), _time(row), tick)


def _print(row: Raw) -> TradePrinted | None:
    try:
        price, shares = _level(row)
        tx_hash = read_text(row, "transaction_hash").lower()
        return TradePrinted(_token(row), _time(row), price, shares, tx_hash) if shares else None
    except Malformed:  # it moves no book, so it casts no doubt on one
        return None


def _ended(row: Raw) -> MarketEnded:
    return MarketEnded(tuple(str(one) for one in as_list(row.get("assets_ids"), "assets_ids")))


def _levels(row: Raw, side: str) -> Levels:
    pairs = (_level(as_object(one, side)) for one in as_list(row.get(side) or [], side))
    return {price: shares for price, shares in pairs if shares > 0}


def _level(row: Raw) -> tuple[Price, Shares]:
    price, shares = Price(read_amount(row, "price")), Shares(read_amount(row, "size"))
    if not 0 < price < MICRO or shares < 0:
        raise Malformed(f"level: no book has {micro_text(shares)} shares at {micro_text(price)}")
    return price, shares


def _token(row: Raw) -> str:
    token = read_text(row, "asset_id")
    if not token:
        raise Malformed("asset_id is missing")
    return token


def _time(row: Raw) -> int:
    stamp = read_text(row, "timestamp")
    if not (stamp.isascii() and stamp.isdigit()):
        raise Malformed(f"timestamp: expected milliseconds, got {stamp!r}")
    return int(stamp)


def _named(raw: object) -> tuple[str, ...]:
    """Return the tokens an unreadable message names; none when it leaves one of them unnamed."""
    if not isinstance(raw, dict):
        return ()
    inner: object = cast("Raw", raw).get("price_changes", [raw])
    rows = cast("list[object]", inner) if isinstance(inner, list) else [inner]
    names = [str(cast("Raw", one).get("asset_id") or "") if isinstance(one, dict) else "" for one in rows]
    return tuple(names) if all(names) else ()


def _no_number(said: str) -> NoReturn:
    raise ValueError(said)


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_number)
"""Made once: `json.loads` makes one for each frame."""


def _frame(what: dict[str, Any]) -> str:
    return json.dumps(what, separators=(",", ":"))


_READERS = {
    "book": read_snapshot,
    "price_change": _changes,
    "tick_size_change": _tick,
    "last_trade_price": _print,
    "market_resolved": _ended,
}
