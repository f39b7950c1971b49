"""Amounts, prices and moments as a page writes them; what nobody knows is said, never shown as nothing."""

from datetime import UTC, datetime
from decimal import Decimal

UNKNOWN = "unknown"
_MINUS = "\u2212"
_SECOND_MS, _MINUTE_MS, _HOUR_MS, _DAY_MS = 1000, 60_000, 3_600_000, 86_400_000


def usd(micro: int | None) -> str:
    """Return micro-units as dollars and cents."""
    return UNKNOWN if micro is None else _signed(f"{Decimal(micro).scaleb(-6):,.2f}")


def change(micro: int | None) -> str:
    """Return a gain or loss with its sign."""
    return UNKNOWN if micro is None else _signed(f"{Decimal(micro).scaleb(-6):+,.2f}")


def tone(micro: int | None) -> str:
    """Return the class of a gain or loss: colour says which, the sign says it as well."""
    return "" if not micro else "gain" if micro > 0 else "loss"


def price(micro: int | None) -> str:
    """Return a price with as many places as it has, three at least."""
    return UNKNOWN if micro is None else _places(micro, 3)


def shares(micro: int | None) -> str:
    """Return shares with two places."""
    return UNKNOWN if micro is None else f"{Decimal(micro).scaleb(-6):,.2f}"


def exact(micro: int) -> str:
    """Return micro-units to the last place: what a person types back."""
    return f"{Decimal(micro).scaleb(-6):f}"


def percent(part: float | None) -> str:
    """Return a share of one as percent."""
    return UNKNOWN if part is None else f"{part:.1%}"


def used_percent(used: int | None, limit: int) -> int:
    """Return how much of a limit is used, as whole percent up to 100."""
    return 0 if not used or limit <= 0 else min(100, round(100 * used / limit))


def span(ms: int | None) -> str:
    """Return a length of time, to its largest unit or two."""
    if ms is None:
        return UNKNOWN
    for unit, name in ((_DAY_MS, "d"), (_HOUR_MS, "h"), (_MINUTE_MS, "min")):
        if ms >= unit:
            return f"{ms // unit} {name}"
    return f"{ms / _SECOND_MS:.1f} s" if ms < 10 * _SECOND_MS else f"{ms // _SECOND_MS} s"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago something was."""
    if at_ms is None:
        return "never"
    passed = max(0, now_ms - at_ms)
    return "now" if passed < _SECOND_MS else f"{span(passed // _SECOND_MS * _SECOND_MS).replace('.0 s', ' s')} ago"


def until(at_ms: int | None, now_ms: int) -> str:
    """Return how far ahead something is."""
    if at_ms is None:
        return UNKNOWN
    return f"in {span(at_ms - now_ms)}" if at_ms > now_ms else "over"


def moment(at_ms: int | None) -> str:
    """Return a time in UTC, to the second."""
    return UNKNOWN if at_ms is None else f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def iso(at_ms: int) -> str:
    """Return a time as programs read it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")


def short(address: str) -> str:
    """Return an address by its ends."""
    return f"{address[:6]}\u2026{address[-4:]}" if address.startswith("0x") and len(address) > 14 else address  # noqa: PLR2004 - shorter ones fit


def _places(micro: int, least: int) -> str:
    text = f"{Decimal(micro).scaleb(-6):f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(least, '0')}"


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)
