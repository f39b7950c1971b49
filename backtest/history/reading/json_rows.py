"""Rows inside a text of JSON, whatever they are wrapped in: the venue's v1 and v2, logs, fills, other tables'."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from backtest.history.reading.chain_rows import fill_row, log_row
from backtest.history.reading.column_names import known_columns, plain_name
from backtest.history.reading.history_row import USED, Hint, HistoryRow, Kind, alone_market, row_of
from backtest.history.reading.json_values import ReadableText, json_values
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.table_rows import TableStyle, cells_of, table_row
from shared.domain.errors import Malformed
from shared.domain.money import to_micro
from shared.polymarket.wire.leader_fills import (
    HASH,
    V1_NAMES,
    V2_NAMES,
    Names,
    NotTrade,
    activity_fill,
    matching_fills,
    row_time_ms,
)
from shared.polymarket.wire.parsing import Raw, read_number, read_text

Columns = Mapping[str, str]
_FEWEST = 3
_TELLING = frozenset({"size", "usdc", "price", "side", "market", "token", "condition", "tx", "maker_amount"})
_MARKET = frozenset({"outcomeprices", "clobtokenids", "feeschedule", "questionid"})


class JsonRows:
    """Reads the rows of one file; `page` grows where an array of rows ends."""

    def __init__(self, counts: RowCounts, leader: str = "", given: Columns | None = None) -> None:
        self._counts, self._leader, self._given = counts, leader, given or {}
        self.page = 0

    def read(self, text: ReadableText) -> Iterator[HistoryRow]:
        """Yield each row that says what a leader has, in the file's order."""
        last = 0
        for page, value in json_values(text):
            self.page += page != last
            last = page
            for row in self._rows(value):
                self._counts.rows += 1
                if (found := self._row(row)) is not None:
                    yield found

    def _rows(self, value: object) -> Iterator[object]:
        if isinstance(value, dict) and not is_row(cast("dict[str, Any]", value)):
            lists = list(_lists(cast("dict[str, Any]", value)))
            for rows in lists:
                for inner in rows:
                    yield from self._rows(inner)
                self.page += 1
            if lists:
                return
        if isinstance(value, list):
            for inner in cast("list[object]", value):
                yield from self._rows(inner)
            self.page += 1
            return
        yield value

    def _row(self, raw: object) -> HistoryRow | None:
        counts = self._counts
        if not isinstance(raw, dict):
            counts.leave_out("no JSON object", str(raw)[:80])
            return None
        row = cast("dict[str, Any]", raw)
        try:
            found = self._read(row)
        except NotTrade as reason:
            counts.kinds[str(reason)] += 1
            return None
        except Malformed as error:
            counts.leave_out(str(error), f"row {counts.rows}")
            return None
        counts.time(row.get("timestamp"))
        return found

    def _read(self, row: dict[str, Any]) -> HistoryRow:
        shape = _shape(tuple(row))
        counts = self._counts
        counts.form = counts.form or shape
        if shape in {V1, V2} and not self._given and read_text(row, "type").isupper() >= ("type" in row):
            try:
                return venue_row(row, V1_NAMES if shape == V1 else V2_NAMES, self._leader)
            except (Malformed, ArithmeticError):
                return self._by_columns(row)
        if shape == LOGS:
            return log_row(row, self._leader)
        if shape == MARKETS:
            raise Malformed("a market as Gamma serves it, no trade: give it to --resolved")
        return self._by_columns(row)

    def _by_columns(self, row: dict[str, Any]) -> HistoryRow:
        cells = cells_of(row, known_columns(row, self._given))
        if "maker_amount" in cells and "taker_amount" in cells:
            return fill_row(cells, self._leader)
        return table_row(cells, TableStyle(leader=self._leader))


V1, V2, LOGS, FILLS = "the venue's rows, v1", "the venue's rows, v2", "OrderFilled logs", "on-chain fills"
MARKETS, OTHER = "Gamma's markets", "rows with other names"


def is_row(value: Mapping[str, Any]) -> bool:
    """Say whether an object is itself a row, and not what rows are wrapped in."""
    return _shape(tuple(value)) != OTHER or _looks_told(tuple(value))


@lru_cache(maxsize=1000)
def _shape(names: tuple[str, ...]) -> str:
    plain = frozenset(map(plain_name, names))
    if {"topics", "data"} <= plain or {"topic0", "data"} <= plain:
        return LOGS
    if {"makeramountfilled", "takeramountfilled"} <= plain:
        return FILLS
    if "proxyWallet" in names or ("asset" in names and "conditionId" in names):
        return V1
    if "proxy_wallet" in names or ("token_id" in names and "condition_id" in names):
        return V2
    return MARKETS if plain & _MARKET else OTHER


@lru_cache(maxsize=1000)
def _looks_told(names: tuple[str, ...]) -> bool:
    try:
        known = known_columns(names)
    except Malformed:
        return True
    return "time" in known and len(_TELLING & known.keys()) >= _FEWEST - 1


def _lists(value: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield the lists in which rows may stand, at whatever depth."""
    for inner in value.values():
        if isinstance(inner, list):
            yield cast("list[Any]", inner)
        elif isinstance(inner, dict):
            inside = cast("dict[str, Any]", inner)
            if is_row(inside):
                yield [inside]
            else:
                yield from _lists(inside)


def venue_row(row: Raw, names: Names, leader: str = "") -> HistoryRow:
    """Read a row of the Data API's activity or trades feed.

    Raises:
        NotTrade: it says nothing of what the leader has.
        Malformed: naming the field.
    """
    owner = read_text(row, names["proxy_wallet"]).lower() or leader
    if not owner:
        raise Malformed("no wallet in the row: nobody says whose trade this is; say --leader 0x...")
    kind = USED.get(read_text(row, "type") or "TRADE", "TRADE")
    if kind in {"TRADE", "MERGE"}:
        found = row_of(activity_fill(row, owner, names, merges=True))
        return (
            found
            if found.hint[0] or kind == "MERGE"
            else found._replace(hint=(alone_market(found.token_id), *found.hint[1:]))
        )
    return _moved(row, names, owner, kind)


def _moved(row: Raw, names: Names, owner: str, kind: Kind) -> HistoryRow:
    """Read a row of shares that came or went without a trade; most of them name their market only."""
    place = row.get(names["outcome_index"])
    hint: Hint = (
        read_text(row, names["condition_id"]).lower(),
        place if isinstance(place, int) and 0 <= place < 999 else -1,  # noqa: PLR2004 - the venue's "unlabelled"
        read_text(row, "outcome"),
        read_text(row, "title"),
        read_text(row, "slug"),
        read_text(row, names["event_slug"]),
    )
    if not hint[0]:
        raise Malformed(f"a {kind} names no market")
    return HistoryRow(
        row_time_ms(row),
        owner,
        matching_fills(HASH, read_text(row, names["transaction_hash"]).lower(), names["transaction_hash"]),
        read_text(row, names["token_id"]),
        "SELL" if kind == "REDEEM" else "BUY",
        to_micro(read_number(row, "size")),
        to_micro(read_number(row, names["usdc_size"])),
        0,
        hint,
        kind=kind,
    )
