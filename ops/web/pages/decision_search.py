"""Decisions of the stream, the newest first, a page at a time: no search reads more than a page may take."""

import contextlib
import re
from dataclasses import dataclass
from typing import cast

from redis import Redis

from ops.web.domain.decision_filter import DecisionFilter
from shared.domain.errors import BadConfig, Malformed
from shared.messages.base import DECISIONS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.redis.client import answering

PAGE = 50
MOST_READ = 5000
"""Entries that one page may look through; where more may match, it says how far it came, and goes on from there."""
_CHUNK = 250
_PLACE = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


@dataclass(frozen=True)
class FoundDecisions:
    """A page of decisions; `after` is where the next begins ('' at the end), `read` how many were looked at."""

    rows: tuple[BuyEngineDecision, ...]
    after: str
    read: int
    reached_ms: int


def search_decisions(redis: Redis, wanted: DecisionFilter, place: str = "") -> FoundDecisions:
    """Return the decisions that are asked for, before `place` of the stream.

    Raises:
        BadConfig: the place is none.
        Unavailable: the server is away.
    """
    if place and not _PLACE.fullmatch(place):
        raise BadConfig(f"before {place}: no place of the stream; open /decisions anew")
    high, low = f"({place}" if place else "+", str(max(0, wanted.from_ms)) if wanted.from_ms else "-"
    rows: list[BuyEngineDecision] = []
    read, last = 0, ""
    while read < MOST_READ:
        with answering(redis):
            chunk = cast("list[tuple[str, dict[str, str]]]", redis.xrevrange(DECISIONS, high, low, count=_CHUNK))
        for name, fields in chunk:
            read, last = read + 1, name
            decision = _decision(fields)
            if decision is not None and wanted.takes(decision):
                rows.append(decision)
                if len(rows) == PAGE:
                    return FoundDecisions(tuple(rows), last, read, _ms(last))
        if len(chunk) < _CHUNK:
            return FoundDecisions(tuple(rows), "", read, 0)
        high = f"({last}"
    return FoundDecisions(tuple(rows), last, read, _ms(last))


def _decision(fields: dict[str, str]) -> BuyEngineDecision | None:
    if fields.get("event") != "BUY_ENGINE_DECISION":
        return None
    with contextlib.suppress(Malformed):
        event = read_event(fields.get("json", ""))
        return event if isinstance(event, BuyEngineDecision) else None
    return None


def _ms(place: str) -> int:
    return int(place.partition("-")[0])
