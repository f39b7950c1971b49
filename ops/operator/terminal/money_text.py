"""Amounts, times and names as a terminal shows them: cents rounded half to even, what is not known as a dash."""

from decimal import Decimal

from rich.text import Text

from shared.domain.plain_text import make_plain

DAY_S, HOUR_S, MINUTE_S = 86_400, 3600, 60


def usd(micro: int | None) -> str:
    """Return micro-units as dollars and cents."""
    return "-" if micro is None else f"{Decimal(micro).scaleb(-6):,.2f}"


def signed(micro: int | None) -> Text:
    """Return a gain or a loss, in its colour."""
    if micro is None:
        return Text("-", "dim")
    return Text(f"{Decimal(micro).scaleb(-6):+,.2f}", "green" if micro >= 0 else "red")


def price(micro: int | None) -> str:
    """Return a price with three decimals."""
    return "-" if micro is None else f"{Decimal(micro).scaleb(-6):.3f}"


def shares(micro: int) -> str:
    """Return shares with two decimals."""
    return f"{Decimal(micro).scaleb(-6):,.2f}"


def leader_name(address: str, label: str) -> str:
    """Return a leader as people know him: his label, else his address in short."""
    return make_plain(label) or f"{address[:6]}…{address[-4:]}" if address else "-"


def span(seconds: float) -> str:
    """Return a length of time in its largest unit."""
    whole = max(0, int(seconds))
    for unit, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if whole >= 2 * unit:
            return f"{whole // unit} {name}"
    return f"{whole} s"


def ago(at_ms: int | None, now_ms: int) -> str:
    """Return how long ago a moment is."""
    return "-" if at_ms is None else f"{span((now_ms - at_ms) / 1000)} ago"


def until(at_ms: int | None, now_ms: int) -> str:
    """Return how far away a moment is; 'ended' for one of the past."""
    if at_ms is None:
        return "-"
    return "ended" if at_ms <= now_ms else f"in {span((at_ms - now_ms) / 1000)}"
