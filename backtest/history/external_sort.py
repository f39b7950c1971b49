"""An external sort of rows by time, in bounded memory: sorted runs, each in a temporary file, are merged."""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TextIO

from backtest.history.reading.history_row import HistoryRow

RUN = 100_000
"""Rows kept in memory at once, about 60 MB; a history that fits is sorted without a file."""


_HINT = HistoryRow._fields.index("hint")


def merged_rows(each: Sequence[Iterable[HistoryRow]]) -> Iterable[HistoryRow]:
    """Return the rows of files, each in order, in the order of their time; equal times keep the order of the files.

    Those that are in memory are sorted there, which is five times as fast as merging them.
    """
    if all(isinstance(rows, list) for rows in each):
        return sorted(chain.from_iterable(each), key=itemgetter(0))
    return heapq.merge(*each, key=itemgetter(0))


def by_time(rows: Iterable[HistoryRow], run: int = RUN) -> Iterable[HistoryRow]:
    """Return `rows` in the order of their time, a list if they fit into memory; equal times keep their order."""
    coming = iter(rows)
    chunk = sorted(islice(coming, run), key=itemgetter(0))
    if len(chunk) < run:
        return chunk
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
