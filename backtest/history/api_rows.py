"""Rows as the venue's Data API serves them, v1 or v2, saved as a JSON array, JSON lines or `{"data": [...]}`."""

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, cast

from backtest.history.skipped_rows import SkippedRows
from backtest.history.trade_grouping import TradeRow, row_of
from shared.domain.errors import Malformed
from shared.polymarket.wire.leader_fills import V1_NAMES, V2_NAMES, NotTrade, activity_fill
from shared.polymarket.wire.parsing import Raw, as_object, read_text


class ApiRows:
    """Reads the rows of one file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.left_out = SkippedRows()

    def read(self, lines: Iterable[str]) -> Iterator[TradeRow]:
        """Yield each trade in the file's order.

        Raises:
            Malformed: the file is no JSON of rows.
        """
        for raw in self._objects(lines):
            try:
                yield _row(row := as_object(raw, "row"))
                self.left_out.time(row.get("timestamp"))
            except NotTrade as reason:
                self.left_out.skip(str(reason))
            except Malformed as error:
                self.left_out.problem(str(error))

    def _objects(self, lines: Iterable[str]) -> Iterator[object]:
        coming = iter(lines)
        first = next(coming, "")
        try:
            if first.rstrip().endswith("}") and first.startswith("{"):
                whole = json.loads(first, parse_float=Decimal)
                yield from _rows_of(whole)
                for line in coming:
                    yield from _rows_of(json.loads(line, parse_float=Decimal))
                return
            yield from _rows_of(json.loads("".join((first, *coming)), parse_float=Decimal))
        except ValueError as error:
            raise Malformed(f"{self._name}: no JSON of activity rows: {error}") from error


def _rows_of(found: Any) -> list[object]:  # noqa: ANN401 - JSON
    if isinstance(found, dict) and "data" in found:
        found = cast("dict[str, Any]", found)["data"]
    return cast("list[object]", found) if isinstance(found, list) else [found]


def _row(row: Raw) -> TradeRow:
    names = V2_NAMES if "proxy_wallet" in row or "token_id" in row else V1_NAMES
    leader = read_text(row, names["proxy_wallet"]).lower()
    fill = activity_fill(row, leader, names)
    if not leader:
        raise Malformed(f"{names['proxy_wallet']} is missing: nobody says whose trade this is")
    return row_of(fill)
