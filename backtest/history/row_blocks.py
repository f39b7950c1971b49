"""Rows of many files in the order in which they happened, each counted once. Pure.

A feed tells the rows of one second together. So a second that comes again, after another one, on another page or in
another file, is told again: what it repeats is counted once, and what it adds is added. Equal rows that stand together
are fills of their own, as the venue's rows know no log index (venue reference 1.1).

The venue's newest-first feeds tell a second's rows newest first, too, so those are turned round. Where a file neither
rises nor falls, nobody can tell the order within a second, and that is said.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from backtest.history.reading.history_row import HistoryRow, made_row
from backtest.history.reading.row_counts import RowCounts

SURE = 3
"""Times as many steps in one direction as in the other, from which a file has that direction."""
_key = itemgetter(1, 2, 3, 4, 5, 6, 11)
"""Leader, transaction, token, side, shares, collateral, kind: what makes two rows one."""
_TX = 2


class PagedRows(Protocol):
    """Rows that come page by page."""

    page: int


class _Source:
    """One file: its counts, its first block, and how often its time rose and fell."""

    def __init__(self, counts: RowCounts, first: int) -> None:
        self.counts, self.first = counts, first
        self.rose = self.fell = self.unsure = 0

    @property
    def newest_first(self) -> bool | None:
        if self.fell >= SURE * self.rose and self.fell:
            return True
        return False if self.rose >= SURE * self.fell and self.rose else None


class RowBlocks:
    """Numbers the blocks of each file as they are read; afterwards it puts each second in order.

    While `counting`, what was told before and what nobody can order is counted: once, however often one goes through.
    """

    def __init__(self) -> None:
        self._sources: list[_Source] = []
        self._starts: list[int] = []
        self._block = 0
        self.counting = True

    def numbered(self, rows: Iterable[HistoryRow], pages: PagedRows, counts: RowCounts) -> Iterator[HistoryRow]:
        """Pass on a file's rows, each with the number of its block."""
        block = self._block
        source = _Source(counts, block + 1)
        self._sources.append(source)
        self._starts.append(block + 1)
        last_ms = last_page = -1
        for row in rows:
            at_ms, page = row[0], pages.page
            if at_ms != last_ms or page != last_page:
                block = self._block = block + 1
                if page == last_page:
                    source.rose += at_ms > last_ms
                    source.fell += at_ms < last_ms
                last_ms, last_page = at_ms, page
            yield made_row((*row[:-1], block))

    def name_of(self, row: HistoryRow) -> str:
        """Return the name of the file that a row stands in."""
        return self._source(row).counts.name

    def arrange(self, second: list[HistoryRow]) -> list[HistoryRow]:
        """Return the rows of one second in their order, each counted once."""
        if len(second) == 1:
            return second
        together = second[0].block == second[-1].block and second[0].log_index < 0
        return self._ordered(second if together else self._once(second))

    def finish(self) -> None:
        """Say of each file in how many seconds nobody can tell what came first."""
        for source in self._sources:
            if source.unsure:
                said = "the order within a second cannot be told, as the file neither rises nor falls"
                source.counts.remarks.append(f"{said}: {source.unsure} seconds")

    def _source(self, row: HistoryRow) -> _Source:
        return self._sources[bisect_right(self._starts, row.block) - 1]

    def _once(self, second: Sequence[HistoryRow]) -> list[HistoryRow]:
        """Keep of equal rows as many as one block has most."""
        if len(set(map(_key, second))) == len(second):
            return list(second)
        most: Counter[tuple[object, ...]] = Counter()
        apart = {
            (row.block, row.log_index if row.log_index >= 0 else -1 - at, _key(row)) for at, row in enumerate(second)
        }
        for (_, key), count in Counter((block, key) for block, _, key in apart).items():
            most[key] = max(most[key], count)
        kept: list[HistoryRow] = []
        for row in second:
            if most[key := _key(row)]:
                most[key] -= 1
                kept.append(row)
            elif self.counting:
                self._source(row).counts.repeat(row.kind)
        return kept

    def _ordered(self, rows: list[HistoryRow]) -> list[HistoryRow]:
        if all(row.log_index >= 0 for row in rows):
            return sorted(rows, key=lambda row: row.log_index)
        if len({row[_TX] for row in rows}) == 1:
            return rows
        by_source: dict[int, list[HistoryRow]] = {}
        for _, block in groupby(rows, key=itemgetter(-1)):
            together = list(block)
            by_source.setdefault(self._source(together[0]).first, []).extend(together)
        found: list[HistoryRow] = []
        for part in by_source.values():
            source = self._source(part[0])
            source.unsure += self.counting and source.newest_first is None and len({row[_TX] for row in part}) > 1
            found += reversed(part) if source.newest_first else part
        return found
