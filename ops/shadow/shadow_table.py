"""Shadows beside the real buyer: for a terminal, and as rows for programs."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from backtest.results.amount_words import rate_text, signed_usd, usd_text
from ops.shadow.domain.shadow_comparison import ShadowLine
from shared.domain.money import micro_text

ABOUT = (
    "Each shadow stands beside the real buyer since it began, on paper: nobody refuses its orders, and nobody trades "
    "against them. Of several shadows the best is partly luck; none of it promises anything."
)
_MONEY = ("spent", "pnl", "low", "high", "real_spent", "real_pnl", "gain", "gain_low", "gain_high")
FIELDS = ShadowLine.__struct_fields__
_COLORS = {"better": "green", "worse": "red", "cannot tell": "yellow"}


def shadow_table(lines: Sequence[ShadowLine]) -> RenderableType:
    """Return the table, each with its settings and the reasons of its verdict below."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shadow", "buys", "markets", "spent", "result", "return", "real buyer", "gain", "90% of luck"):
        table.add_column(name, justify="left" if name == "shadow" else "right", no_wrap=name != "shadow")
    table.add_column("verdict", no_wrap=True)
    for line in lines:
        table.add_row(
            line.name,
            f"{line.buys:,}",
            f"{line.markets:,}",
            usd_text(line.spent),
            signed_usd(line.pnl),
            rate_text(line.pnl, line.spent),
            f"{signed_usd(line.real_pnl)} {rate_text(line.real_pnl, line.real_spent)}",
            signed_usd(line.gain),
            f"{signed_usd(line.gain_low)} to {signed_usd(line.gain_high)}",
            Text(line.verdict, _COLORS[line.verdict]),
        )
    notes = [Text(f"{line.name}: {text}", "dim") for line in lines for text in about_line(line)]
    return Group(table, *notes, Text(ABOUT, "dim"))


def about_line(line: ShadowLine) -> list[str]:
    """Return what a shadow decides by, how it stands, and why its verdict is what it is."""
    runs = "runs" if line.running else "does not run now"
    waits = f", signals that wait for it: {line.backlog:,}" if line.backlog else ""
    return [f"{line.changes}; {runs}{waits}", *line.why]


def shadow_facts(lines: Sequence[ShadowLine]) -> list[dict[str, Any]]:
    """Return the lines as plain values: amounts as decimal strings."""
    return [
        {name: micro_text(getattr(line, name)) if name in _MONEY else _plain(getattr(line, name)) for name in FIELDS}
        for line in lines
    ]


def _plain(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - reasons are texts
