"""The settings of programs as a table for people."""

from collections.abc import Sequence
from typing import Any, cast

from rich.table import Table
from rich.text import Text

from ops.operator.effective_config import DEFAULT, SettingRow


def settings_table(rows: Sequence[SettingRow]) -> Table:
    """Return a line for each setting; what is a default is dim."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("setting", "value", "from", "read by"):
        table.add_column(column, overflow="fold")
    for row in rows:
        style = "dim" if row.source == DEFAULT else ""
        table.add_row(
            Text(row.name, style), Text(shown(row.value), style), Text(row.source, style), ", ".join(row.programs)
        )
    return table


def shown(value: Any) -> str:  # noqa: ANN401 - any setting's
    """Return a value as one would write it in the file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, cast("list[Any]", value))) if isinstance(value, list) else str(value)
