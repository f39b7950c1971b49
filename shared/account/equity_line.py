"""The line of an account's equity in Redis: one point a minute, for months, in a stream that is named by time.

A point's id is its minute, so of several buyers (or a restart within the minute) one writes it, and what lies at or
before a moment is found without reading the rest. Paper and live have each their own.
"""

from collections.abc import Sequence
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from shared.domain.money import Usdc
from shared.messages.account import EquityPoint
from shared.redis.client import answering

MINUTE_MS = 60_000
MOST_POINTS = 200_000
"""138 days of minutes; the oldest leave."""
_UNKNOWN = ""
_FIELDS = (("c", "cash"), ("k", "cost"), ("r", "realized"), ("f", "fees"), ("d", "deposited"))
_LATER = "equal or smaller"


def equity_key(mode: str) -> str:
    """Name where the line of a ledger stands."""
    return f"hs:{mode}:equity"


def add_point(redis: Redis, mode: str, point: EquityPoint) -> bool:
    """Add the point of its minute; False when that minute has one, or a later one has.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    minute_ms = point.at_ms // MINUTE_MS * MINUTE_MS
    fields: dict[Any, Any] = {"e": _UNKNOWN if point.equity is None else int(point.equity)}
    fields |= {short: int(getattr(point, name)) for short, name in _FIELDS}
    try:
        with answering(redis):
            redis.xadd(equity_key(mode), fields, id=f"{minute_ms}-0", maxlen=MOST_POINTS, approximate=True)
    except ResponseError as error:
        if _LATER not in str(error):
            raise
        return False
    return True


def points_at(redis: Redis, mode: str, moments_ms: Sequence[int]) -> list[EquityPoint | None]:
    """Return the last point at or before each moment, None where the line begins later; one round trip.

    Raises:
        Unavailable: the server is away.
    """
    if not moments_ms:
        return []
    with answering(redis), redis.pipeline(transaction=False) as pipe:
        for moment_ms in moments_ms:
            pipe.xrevrange(equity_key(mode), max=moment_ms, count=1)
        found = cast("list[list[tuple[str, dict[str, str]]]]", pipe.execute())
    return [_point(*entries[0]) if entries else None for entries in found]


def first_point(redis: Redis, mode: str) -> EquityPoint | None:
    """Return where the line begins; raises as `points_at` does."""
    with answering(redis):
        found = cast("list[tuple[str, dict[str, str]]]", redis.xrange(equity_key(mode), count=1))
    return _point(*found[0]) if found else None


def thinned_line(redis: Redis, mode: str, since_ms: int, until_ms: int, most: int) -> list[EquityPoint]:
    """Return at most `most` points of a time, evenly apart: each the last one of its part, none twice; raises likewise.

    Where there are fewer, all of them: their minutes are at least a part long.
    """
    span_ms = max(MINUTE_MS, until_ms - since_ms)
    step_ms = max(MINUTE_MS, span_ms // most)
    found = points_at(redis, mode, range(until_ms, since_ms - 1, -step_ms))
    known = {point.at_ms: point for point in found if point is not None and point.at_ms >= since_ms}
    return [known[at_ms] for at_ms in sorted(known)]


def _point(name: str, fields: dict[str, str]) -> EquityPoint:
    values = {long: Usdc(int(fields.get(short, "0"))) for short, long in _FIELDS}
    equity = fields.get("e", _UNKNOWN)
    return EquityPoint(
        at_ms=int(name.partition("-")[0]), equity=Usdc(int(equity)) if equity != _UNKNOWN else None, **values
    )
