"""Times as feeds, logs and files send them, read into epoch milliseconds: one reader, at the edge. Pure.

The venue sends whole seconds. Milliseconds are told by their size and read as such; what is neither is refused, so no
reader can take a moment for one in the year 58531 and wait for it.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from shared.domain.errors import Malformed
from shared.polymarket.wire.parsing import read_time_ms

_LAST_S = 4_102_444_800
"""2100-01-01."""
_MILLIS_FROM = 100_000_000_000
"""As milliseconds 1973, as seconds the year 5138."""
MOST_AHEAD_MS = 60_000
"""How far a venue's clock may be ahead of ours before its word on the time is not taken."""
_SHOWN = 40


_UTC = " UTC"
"""How Dune's exports end a time."""


def read_moment_ms(value: Any, name: str = "timestamp") -> int:  # noqa: ANN401 - JSON, or a field of a file
    """Return a time sent as seconds or milliseconds (a number, or text of one), or as ISO 8601.

    Raises:
        Malformed: it is none, or one that no trade of the venue can have.
    """
    number = _number(value)
    if number is None:
        at_ms = read_time_ms(value.strip().removesuffix(_UTC)) if isinstance(value, str) else None
        if at_ms is None:
            raise Malformed(f"{name}: expected a time in seconds, got {str(value)[:_SHOWN]!r}")
        return _bounded(at_ms, value, name)
    return _bounded(int(number if number >= _MILLIS_FROM else number * 1000), value, name)


def is_millis(value: object) -> bool:
    """Say whether a time was sent in milliseconds."""
    number = _number(value)
    return number is not None and number >= _MILLIS_FROM


def _bounded(at_ms: int, value: object, name: str) -> int:
    if not 0 <= at_ms <= _LAST_S * 1000:
        raise Malformed(f"{name}: {str(value)[:_SHOWN]} is neither seconds nor milliseconds of a trade's time")
    return at_ms


def _number(value: object) -> Decimal | int | None:
    """Return a finite number; None for anything else."""
    if type(value) is int:
        return value
    if type(value) is str and value.isdecimal():
        return int(value)
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
