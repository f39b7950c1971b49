"""The rows of one file, by the reader of its kind.

| a file begins with | reader |
|---|---|
| `PAR1` | `parquet_rows.py` |
| a bracket or a brace | `json_rows.py` |
| anything else | `csv_rows.py`, whose first line is its heading |
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TextIO

from backtest.history.reading.csv_rows import CsvRows
from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.json_rows import JsonRows
from backtest.history.reading.parquet_rows import ParquetRows
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.text_files import FileMember

Reader = CsvRows | JsonRows | ParquetRows
_SEPARATOR = "sep="
"""The first line that a spreadsheet writes to say what divides its columns."""


@dataclass(frozen=True)
class RowOptions:
    """What a person says of files that do not: whose rows these are, and which column is what (ours -> theirs)."""

    leader: str = ""
    columns: Mapping[str, str] = field(default_factory=dict[str, str])


def open_rows(member: FileMember, counts: RowCounts, options: RowOptions) -> tuple[Reader, Iterator[HistoryRow]]:
    """Return a file's reader and its rows, in the file's order.

    Raises:
        Malformed: while the rows are read: it is no table of trades, or one that may mean two things.
        DependencyMissing: it is Parquet, and pyarrow is not installed.
    """
    if member.is_parquet:
        tables = ParquetRows(counts, options.leader, options.columns)
        return tables, tables.read(member.content)
    text = member.text
    first = _first_line(text)
    if first.lstrip("\ufeff \t")[:1] in {"[", "{"}:
        objects = JsonRows(counts, options.leader, options.columns)
        return objects, objects.read(_Rest(first, text))
    lines = CsvRows(counts, options.leader, options.columns)
    return lines, lines.read(text if first.lower().startswith(_SEPARATOR) else chain([first], text))


def _first_line(text: TextIO) -> str:
    return next((line for line in text if line.strip()), "")


class _Rest:
    """A text of which some is read already."""

    def __init__(self, begin: str, text: TextIO) -> None:
        self._begin, self._text = begin, text

    def read(self, size: int) -> str:
        begin, self._begin = self._begin, ""
        return begin or self._text.read(size)
