"""Streams, ids and the base of every event."""

import hashlib
from typing import Annotated, Literal

from pydantic import StringConstraints, WithJsonSchema

from shared.domain.value import Value

SIGNALS = "hs:signals"
DECISIONS = "hs:decisions"
REDEMPTIONS = "hs:redemptions"
SIGHTINGS = "hs:sightings"
SERVICE = "hs:service"
DEAD = "hs:dead"
STREAMS = (SIGNALS, SIGHTINGS, DECISIONS, REDEMPTIONS, SERVICE, DEAD)
BOOKS = "hs:books"
RAW = "hs:raw"
SIDE_STREAMS = (BOOKS, RAW)
"""What only a capture reads; empty unless `CAPTURE_BOOKS` or `CAPTURE_RAW` is on (`shared/redis/side_stream.py`)."""
Address = Annotated[
    str,
    StringConstraints(pattern=r"^0[xX][0-9a-fA-F]{40}$", to_lower=True),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{40}$"}),
]
"""Read in any case, kept in lower case."""
Hash = Annotated[
    str,
    StringConstraints(pattern=r"^0[xX][0-9a-fA-F]{64}$", to_lower=True),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$"}),
]
"""A transaction's, likewise."""


def fact_id(*parts: object) -> str:
    """Return 64 hex digits that name the fact made of `parts` (fits the venue's bytes32 `metadata`)."""
    return _digest("\x1f".join(map(str, parts)))


def signal_id(leader: str, tx_hash: str, token_id: str, side: str, part: int) -> str:
    """Return the `fact_id` of a signal, twice as fast: a history has millions."""
    return _digest(f"signal\x1f{leader}\x1f{tx_hash}\x1f{token_id}\x1f{side}\x1f{part}")


def completed_id(pending_id: str) -> str:
    """Return the id of a pending signal once it is confirmed, as who waited for that decides on it."""
    return fact_id("completed", pending_id)


def _digest(fact: str) -> str:
    return hashlib.sha256(fact.encode()).hexdigest()


class Event(Value, frozen=True, kw_only=True):
    """What all events share."""

    event: str
    version: Literal[1] = 1
    id: str
    emitted_at_ms: int


REUSED = "reused"
"""Marks a part that one event after the other holds, the very same: its JSON is made once."""
