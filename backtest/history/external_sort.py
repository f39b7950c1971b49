"""An external sort of rows by time, in bounded memory: sorted runs, each in a temporary file, are merged."""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, TextIO

from backtest.history.reading.history_row import HistoryRow

RUN = 100_000
"""Rows kept in memory at once, about 60 MB; a history that fits is sorted without a file."""


_HINT = HistoryRow._fields.index("hint")


def by_time(rows: Iterable[HistoryRow], run: int = RUN) -> Iterator[HistoryRow]:
    """Return `rows` in the order of their time; equal times keep their order."""
    coming = iter(rows)
    chunk = sorted(islice(coming, run), key=itemgetter(0))
    if len(chunk) < run:
        return iter(chunk)
    runs = [_spilled(chunk)]
    while chunk := sorted(islice(coming, run), key=itemgetter(0)):
        runs.append(_spilled(chunk))
    return heapq.merge(*(_read(file) for file in runs), key=itemgetter(0))


def _spilled(rows: list[HistoryRow]) -> TextIO:
    file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - it lives until its rows are merged
    file.writelines(json.dumps(row) + "\n" for row in rows)
    file.seek(0)
    return file


def _read(file: TextIO) -> Iterator[HistoryRow]:
    with file:
        for line in file:
            facts = _list(line)
            facts[_HINT] = tuple(facts[_HINT])
            yield HistoryRow._make(facts)


def _list(line: str) -> list[Any]:
    return json.loads(line)
