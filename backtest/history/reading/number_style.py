"""Amounts as people's files write them: with currency signs, thousands, or a decimal comma. Pure.

A file has one style. `0,4` shows a decimal comma, `0.4` a point; where all that a file has is `1,000`, a heading with
semicolons leaves open which it is, and it is asked instead of guessed.
"""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Literal

from shared.domain.errors import Malformed

Style = Literal["point", "comma", "unknown"]
"""The sign before the decimals."""

_DRESS = re.compile(
    r"^[$€£]|(?<=\d)\s*(?:[$€£]|usdc?(?:\.e)?|pusd|shares?|contracts?)$|[\s'\u00a0\u202f_]", re.IGNORECASE
)
_CENTS = ("¢", "c")
_COMMA = re.compile(r"^-?(0|\d+),\d{1,2}$|^-?0,\d+$|^-?\d+,\d{4,}$|\.\d{3},")
_POINT = re.compile(r"^-?(0|\d+)\.\d{1,2}$|^-?0?\.\d+$|^-?\d+\.\d{4,}$|,\d{3}\.")


def decimal_style(cells: Iterable[str], delimiter: str) -> Style:
    """Return the style that a file's amounts show; commas divide thousands where commas divide columns."""
    undressed = [_DRESS.sub("", cell.strip()) for cell in cells]
    comma, point = (any(sign.search(cell) for cell in undressed) for sign in (_COMMA, _POINT))
    if comma and not point:
        return "comma"
    return "point" if point or delimiter == "," else "unknown"


def read_amount(text: str, name: str, style: Style = "point") -> Decimal:
    """Return an amount.

    Raises:
        Malformed: it is none, or could be one of two.
    """
    cell = _DRESS.sub("", text.strip())
    cents = cell.endswith(_CENTS) and cell[:-1].strip()[-1:].isdigit()
    cell = cell[:-1] if cents else cell
    try:
        number = Decimal(_plain(cell, style, name))
    except InvalidOperation:
        raise Malformed(f"{name}: expected a number, got {text[:40]!r}") from None
    if not number.is_finite():
        raise Malformed(f"{name}: expected a finite number, got {text[:40]!r}")
    return number.scaleb(-2) if cents else number


def _plain(cell: str, style: Style, name: str) -> str:
    if "," not in cell and ("." not in cell or style == "point"):
        return cell
    if style == "unknown":
        raise Malformed(f"{name}: {cell!r} may be thousands or a fraction: write it without the sign for thousands")
    thousands, point = (",", ".") if style == "point" else (".", ",")
    whole, _, rest = cell.partition(point)
    if thousands in rest or not re.fullmatch(rf"-?\d+|-?\d{{1,3}}(\{thousands}\d{{3}})+|-?", whole):
        raise Malformed(f"{name}: expected a number, got {cell[:40]!r}")
    return whole.replace(thousands, "") + ("." + rest if rest else "")
