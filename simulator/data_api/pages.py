"""Pages of rows: envelopes, size filters, and rows spoiled on purpose."""

import json
from collections.abc import Sequence
from decimal import InvalidOperation
from typing import Any

from simulator.core.amounts import micro
from simulator.core.world import World
from simulator.data_api.activity import Row, Shape, render
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError

_LABELS = frozenset({"title", "slug", "icon", "outcome", "eventSlug", "event_slug"})
_INDEXES = frozenset({"outcomeIndex", "outcome_index"})
_UNLABELLED = 999
"""The index of an outcome that the feed has no label for yet; the token is there."""


def enveloped(texts: list[str], pagination: dict[str, object]) -> Answer:
    """Return rows in v2's envelope."""
    rows = ",".join(texts)
    return Answer(f'{{"data":[{rows}],"pagination":{json.dumps(pagination)}}}')


def pagination(next_cursor: str | None, limit: int) -> dict[str, object]:
    """Return what v2 says beside each page; the last one's cursor is null, not absent."""
    return {"limit": limit, "offset": 0, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def bare(texts: list[str]) -> Answer:
    """Return rows as v1's bare array."""
    return Answer(f"[{','.join(texts)}]")


def large_enough(row: Row, query: Query) -> bool:
    """Tell whether a trade passes the size filter, 0.01 tokens unless asked otherwise."""
    try:
        floor = micro(query.get("filter_amount", "0.01"))
    except (InvalidOperation, ValueError) as error:
        raise RefusedError(400, "invalid filter_amount", parameter="filter_amount") from error
    return (row.usdc if query.get("filter_type") == "CASH" else row.shares) >= floor


def rendered(rows: Sequence[Row], shape: Shape, world: World, call: Call) -> list[str]:
    """Return rows as texts, without labels or damaged where a fault says so."""
    texts = [render(row, shape) for row in rows]
    if fault := world.faults.take("unlabelled_rows", "data", call.path, call.now_ms):
        since_s = (call.now_ms - fault.number("seconds", 60) * 1000) / 1000
        fresh = [row.kind == "TRADE" and row.timestamp >= since_s for row in rows]
        texts = [_unlabelled(text) if bare else text for text, bare in zip(texts, fresh, strict=True)]
    return spoiled(texts, world, call)


def _unlabelled(text: str) -> str:
    row = _parsed(text)
    blank: dict[str, object] = dict.fromkeys(_LABELS & row.keys(), "")
    return json.dumps(row | blank | dict.fromkeys(_INDEXES & row.keys(), _UNLABELLED))


def spoiled(texts: list[str], world: World, call: Call) -> list[str]:
    """Return the rows, damaged where a fault says so."""
    faults = world.faults
    if texts and (fault := faults.take("malformed_rows", "data", call.path, call.now_ms)):
        place = faults.pick(len(texts))
        texts[place] = _malformed(texts[place], str(fault.params.get("how", "price_0")))
    if texts and (fault := faults.take("unknown_type", "data", call.path, call.now_ms)):
        place = faults.pick(len(texts))
        kind = str(fault.params.get("type", "TELEPORT"))
        texts[place] = json.dumps(_parsed(texts[place]) | {"type": kind})
    return texts


def _malformed(text: str, how: str) -> str:
    row = _parsed(text)
    if how == "missing":
        del row["timestamp"]
    elif how == "text":
        row["size"] = "a lot"
    else:
        name, _, value = how.partition("_")
        row[name] = int(value)
    return json.dumps(row)


def _parsed(text: str) -> dict[str, Any]:
    return json.loads(text)


def dump(row: dict[str, object]) -> str:
    """Return a row as compact JSON."""
    return json.dumps(row, separators=(",", ":"))
