"""Tables in Parquet, by pyarrow: the same columns as a CSV's, ids exact or refused."""

import importlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

from backtest.history.reading.chain_rows import fill_row, log_row
from backtest.history.reading.column_names import known_columns, plain_name
from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.table_rows import TableStyle, cells_of, table_row
from shared.domain.errors import DependencyMissing, Malformed
from shared.polymarket.wire.leader_fills import NotTrade

AT_ONCE = 10_000


class ParquetRows:
    """Reads the rows of one file."""

    page = 0

    def __init__(self, counts: RowCounts, leader: str = "", given: Mapping[str, str] | None = None) -> None:
        self._counts, self._leader, self._given = counts, leader, given
        counts.form = "Parquet"

    def read(self, file: IO[bytes]) -> Iterator[HistoryRow]:
        """Yield each row that says what a leader has, in the file's order.

        Raises:
            DependencyMissing: pyarrow is not installed.
            Malformed: it is cut off, or a column may be one thing or another.
        """
        for number, row in enumerate(self._objects(file), start=1):
            self._counts.rows += 1
            try:
                found = self._row(row)
            except NotTrade as reason:
                self._counts.kinds[str(reason)] += 1
            except (Malformed, ArithmeticError) as error:
                self._counts.leave_out(str(error), f"row {number}")
            else:
                yield found

    def _objects(self, file: IO[bytes]) -> Iterator[dict[str, Any]]:
        try:
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            fix = "Parquet needs pyarrow, of the extra `report`: `make install-report`"
            raise DependencyMissing(f"{self._counts.name}: {fix}") from error
        try:
            for batch in parquet.ParquetFile(file).iter_batches(AT_ONCE):
                yield from cast("list[dict[str, Any]]", batch.to_pylist())
        except (OSError, ValueError) as error:  # what pyarrow raises are children of these
            raise Malformed(f"no Parquet: {error}") from error

    def _row(self, row: dict[str, Any]) -> HistoryRow:
        if {"topics", "data"} <= set(map(plain_name, row)):
            return log_row(row, self._leader)
        cells = cells_of(row, known_columns(row, self._given))
        if {"maker_amount", "taker_amount"} <= cells.keys():
            return fill_row(cells, self._leader)
        return table_row(cells, TableStyle(leader=self._leader))
