"""Rows for programs: the same values as JSON and as CSV, amounts as decimal strings."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.plain_text import make_plain

Row = Mapping[str, Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would run: a market's title is a stranger's text."""


def json_text(said: object) -> str:
    """Return JSON for people's eyes and programs: two spaces, one object."""
    return json.dumps(said, indent=2)


def csv_text(rows: Sequence[Row], fields: Sequence[str]) -> str:
    """Return rows as CSV with a head, those fields in that order; unknown is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows([_cell(row.get(name)) for name in fields] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:  # noqa: ANN401 - any plain value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = make_plain(str(value))
    return "'" + text if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    whole, _, rest = text.removeprefix("-").partition(".")
    return whole.isdecimal() and (rest.isdecimal() or not rest)
