"""What tables and panels of the screen have in common: columns that keep their numbers whole, titles, colours."""

from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

NUMBERS = frozenset(
    {"signals", "followed", "skipped", "shares", "price", "paid", "fee", "cost", "value", "p/l", "lag", "polls", "rows"}
    | {"first", "later", "covers", "p50", "p95", "p99", "silent", "per share", "target/s", "now", "hold", "granted"}
)
"""Columns that stand right and are never cut."""
LEAST = {"state": 8, "verdict": 7, "side": 4}
WIDE = {"market": 3, "why": 4}
"""Columns that take what is left, in these parts."""
STATES = {"ok": "green", "starting": "yellow", "failing": "red", "stopped": "dim"} | dict.fromkeys(
    ("late", "mute", "blind", "demoted", "dead"), "bold red"
)
PROCESSES = {
    "starting": "yellow",
    "up": "green",
    "not ready": "yellow",
    "stopped": "dim",
    **dict.fromkeys(("hangs", "failed", "dead"), "bold red"),
}
SIDES = {"BUY": "green", "SELL": "magenta", "SKIP": "dim"}


def table(*columns: str) -> Table:
    """Return an empty table: words are cut where there is no room, numbers are not."""
    made = Table(box=None, expand=True, pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        number = column in NUMBERS
        made.add_column(
            column,
            justify="right" if number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=LEAST.get(column),
            ratio=WIDE.get(column),
        )
    return made


def panel(inside: RenderableType, title: str, subtitle: Text | None = None) -> Panel:
    """Return a part of the screen with its name."""
    return Panel(inside, title=title, title_align="left", subtitle=subtitle, subtitle_align="left")


def seconds(milliseconds: int | None) -> str:
    """Return a length of time in seconds."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.1f} s"
