"""A capture's records as rows of a table: all of them in one form, books and raw answers in their own.

| table | columns |
|---|---|
| events (and all records together) | where it stood (`stream`, `entry`, `at_ms`), what it is of (`event`, `id`, `signal_id`, `leader`, `token_id`, `side`, `verdict`, `reason`; empty where an event has none), the whole event as `json` |
| books | `at_ms` (looked at), `vouched_at_ms`, `changed_at_ms`, `token_id`, `tick`, `best_bid`, `best_ask`, `bids` and `asks` (lists of `price`, `shares`, best first), `writer`, `number` |
| raw | `at_ms`, `source`, `request`, `status`, `body`, `writer`, `number` |

Prices and shares are decimals of 6 places. A gap in a writer's `number`s says how many records are missing.
"""  # noqa: E501 - a table's row

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from shared.domain.errors import Malformed
from shared.domain.market import Level
from shared.messages.base import BOOKS, RAW, SIDE_STREAMS
from shared.messages.events import read_event
from shared.messages.service import BookSeen, RawSeen
from shared.redis.streams import StreamEntry

Row = dict[str, Any]
EVENTS = "events"
FIELDS = ("id", "signal_id", "leader", "token_id", "side", "verdict", "reason")


@dataclass(frozen=True)
class ExportTable:
    """Which records a table holds, how one becomes a row (None: it cannot be read), and its columns."""

    holds: Callable[[StreamEntry], bool]
    row: Callable[[StreamEntry], Row | None]
    schema: Callable[[Any], Any]
    """Given the module `pyarrow`, returns the schema."""


def _event_row(entry: StreamEntry) -> Row:
    try:
        event: Any = json.loads(entry.json)
    except ValueError:
        event = None
    facts = cast("Row", event) if isinstance(event, dict) else {}
    return {
        "at_ms": int(entry.id.partition("-")[0]),
        "stream": entry.stream,
        "entry": entry.id,
        "event": str(facts.get("event", "")),
        "json": entry.json,
    } | {name: str(facts.get(name, "")) for name in FIELDS}


def _book_row(entry: StreamEntry) -> Row | None:
    seen = _read(entry)
    if not isinstance(seen, BookSeen):
        return None
    book = seen.book
    return {
        "at_ms": seen.emitted_at_ms,
        "vouched_at_ms": book.at_ms,
        "changed_at_ms": book.changed_at_ms,
        "token_id": seen.token_id,
        "tick": _exact(book.tick),
        "best_bid": _exact(book.best_bid),
        "best_ask": _exact(book.best_ask),
        "bids": [_level(level) for level in book.bids],
        "asks": [_level(level) for level in book.asks],
        "writer": seen.writer,
        "number": seen.number,
    }


def _raw_row(entry: StreamEntry) -> Row | None:
    seen = _read(entry)
    if not isinstance(seen, RawSeen):
        return None
    fields = ("source", "request", "status", "body", "writer", "number")
    return {"at_ms": seen.emitted_at_ms} | {name: getattr(seen, name) for name in fields}


def _read(entry: StreamEntry) -> object:
    try:
        return read_event(entry.json)
    except Malformed:
        return None


def _level(level: Level) -> Row:
    return {"price": _exact(level.price), "shares": _exact(level.shares)}


def _exact(micro: int | None) -> Decimal | None:
    return None if micro is None else Decimal(micro).scaleb(-6)


def _event_schema(arrow: Any) -> Any:  # noqa: ANN401 - an untyped module
    names = ("stream", "entry", "event", *FIELDS, "json")
    return arrow.schema([("at_ms", arrow.int64()), *((name, arrow.string()) for name in names)])


def _book_schema(arrow: Any) -> Any:  # noqa: ANN401
    whole, text, exact = arrow.int64(), arrow.string(), arrow.decimal128(24, 6)
    levels = arrow.list_(arrow.struct([("price", exact), ("shares", exact)]))
    times = ("at_ms", "vouched_at_ms", "changed_at_ms")
    prices = ("tick", "best_bid", "best_ask")
    return arrow.schema(
        [(name, whole) for name in times]
        + [("token_id", text)]
        + [(name, exact) for name in prices]
        + [("bids", levels), ("asks", levels), ("writer", text), ("number", whole)]
    )


def _raw_schema(arrow: Any) -> Any:  # noqa: ANN401
    whole, text = arrow.int64(), arrow.string()
    kinds = {"at_ms": whole, "source": text, "request": text, "status": whole, "body": text}
    return arrow.schema([*kinds.items(), ("writer", text), ("number", whole)])


TABLES = {
    EVENTS: ExportTable(lambda entry: entry.stream not in SIDE_STREAMS, _event_row, _event_schema),
    "books": ExportTable(lambda entry: entry.stream == BOOKS, _book_row, _book_schema),
    "raw": ExportTable(lambda entry: entry.stream == RAW, _raw_row, _raw_schema),
}
