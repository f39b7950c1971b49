"""Tables of trades as CSV, under whatever names and in whatever style; a poller's log of wallets is read fastest.

Such a log has `wallet_addr, tx_hash, timestamp, side, outcome, price, size, usdc, market`, or other names for these
(`column_names.py`); `collected_at`, `price`, ids and `outcome_index` are optional. Where `usdc` is not size x price,
the fee is in it (`shared/polymarket/wire/trade_amounts`). Where the file names no ids, market and outcome stand for
them: the ids are made from their names, and the outcomes of a market are numbered by `OUTCOMES`.

Rows are read column by column, many at once; what cannot be read so is read alone, by `table_rows.py`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice, repeat
from operator import itemgetter

from backtest.history.reading.chain_rows import fill_row, log_row
from backtest.history.reading.column_names import known_columns, plain_name
from backtest.history.reading.history_row import OUTCOMES, Hint, HistoryRow, made_row, made_token, market_id
from backtest.history.reading.number_style import decimal_style
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.table_rows import Cells, TableStyle, table_row
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import MICRO, to_micro
from shared.polymarket.wire.leader_fills import HASH, NotTrade
from shared.polymarket.wire.trade_amounts import amounts_of
from shared.polymarket.wire.venue_times import read_moment_ms

NEEDED = ("leader", "tx", "time", "side", "outcome", "size", "usdc", "market")
_AT_ONCE = 256
_DOUBLE, _CLEAR = 10**14, 0.4
_DIGITS = 11
"""More than a time in seconds has."""
_SIDES: dict[str, Side] = {"BUY": "BUY", "SELL": "SELL", "buy": "BUY", "sell": "SELL", "Buy": "BUY", "Sell": "SELL"}
_DELIMITERS = ",;\t|"
_AMOUNTS = ("size", "usdc", "price")
_SLOWER = frozenset({"maker_amount", "log_index", "slug", "event_slug"})
"""Columns that only reading row by row knows."""


class CsvRows:
    """Reads the rows of one file."""

    page = 0

    def __init__(self, counts: RowCounts, leader: str = "", given: Mapping[str, str] | None = None) -> None:
        self.counts, self._leader, self._given = counts, leader, given

    def read(self, lines: Iterable[str]) -> Iterator[HistoryRow]:
        """Yield each row that says what a leader has, in the file's order.

        Raises:
            Malformed: the heading names too little, or what may be one thing or another.
        """
        coming = iter(lines)
        first = next((line for line in coming if line.strip()), "")
        if not first:
            return
        delimiter = max(_DELIMITERS, key=first.count)
        reader = csv.reader(chain([first], coming), delimiter=delimiter)
        heading = [name.strip() for name in next(reader, list[str]())]
        rows = filter(None, reader)
        begin = list(islice(rows, _AT_ONCE))
        read_alone = self._reader(heading, begin, delimiter)
        columns = _Columns(heading, self._given)
        line = 2
        for many in chain([begin], iter(lambda: list(islice(rows, _AT_ONCE)), [])):
            self.counts.rows += len(many)
            yield from self._trades(many, columns, line, read_alone)
            line += len(many)

    def _reader(self, heading: list[str], begin: list[list[str]], delimiter: str) -> Callable[[Cells], HistoryRow]:
        """Return what reads one row of this file alone.

        Raises:
            Malformed: it is no table of trades.
        """
        plain, found = set(map(plain_name, heading)), known_columns(heading, self._given)
        if {"topic0", "data"} <= plain:
            self.counts.form = "OrderFilled logs"
            return lambda cells: log_row(dict(cells), self._leader)
        if {"maker_amount", "taker_amount"} <= found.keys():
            self.counts.form = "on-chain fills"
            return lambda cells: fill_row(cells, self._leader)
        lacking = [what for what, names in _TELLS.items() if not any(name in found for name in names)]
        if lacking or sum(name in found for name in _AMOUNTS) < 2:  # noqa: PLR2004 - any two tell the third
            missing = ", ".join(lacking) or "two of size, usdc, price"
            raise Malformed(f"no column for {missing} in its heading {heading}; say which it is: --column size=...")
        self.counts.form = "a table of trades"
        places = [heading.index(found[name]) for name in _AMOUNTS if name in found]
        cells = (row[at] for row in begin for at in places if at < len(row))
        style = TableStyle(decimal_style(cells, delimiter), self._leader)
        return lambda cells: table_row(cells, style)

    def _trades(
        self, rows: list[list[str]], columns: "_Columns", line: int, read_alone: Callable[[Cells], HistoryRow]
    ) -> list[HistoryRow]:
        """Return the trades of rows, which are halved until what cannot be read together stands alone."""
        half = len(rows) // 2
        if columns.fast:
            try:
                return self._read(rows, columns)
            except (Malformed, ArithmeticError, ValueError, IndexError):
                if half:
                    first = self._trades(rows[:half], columns, line, read_alone)
                    return first + self._trades(rows[half:], columns, line + half, read_alone)
        alone = (self._alone(row, columns, at, read_alone) for at, row in enumerate(rows, line))
        return [row for row in alone if row is not None]

    def _alone(
        self, row: list[str], columns: "_Columns", line: int, read_alone: Callable[[Cells], HistoryRow]
    ) -> HistoryRow | None:
        counts = self.counts
        if len(row) != columns.count:
            counts.leave_out(f"{len(row)} cells where the heading has {columns.count}", f"line {line}")
            return None
        cells = columns.cells(row)
        try:
            found = read_alone(cells)
        except NotTrade as reason:
            counts.kinds[str(reason)] += 1
            return None
        except (Malformed, ArithmeticError) as error:
            counts.leave_out(str(error), f"line {line}")
            return None
        counts.time(cells.get("time", ""))
        return found

    def _read(self, rows: list[list[str]], columns: "_Columns") -> list[HistoryRow]:
        sided = [row for row in rows if len(row) != columns.count or row[columns.side]]
        if len(sided) < len(rows) and columns.typed:
            raise Malformed("a row whose kind only reading row by row knows")
        found = _trades(sided, columns) if sided else []
        if len(sided) < len(rows):
            self.counts.kinds["without a side"] += len(rows) - len(sided)
        for row in sided:
            if len(row[columns.time]) > _DIGITS:
                self.counts.time(row[columns.time])
        return found


_TELLS = {
    "the time": ("time",),
    "the side": ("side", "type"),
    "the market": ("market", "condition", "token"),
}
"""What a table must tell, and the columns any of which does."""


class _Columns:
    """Where a file keeps what; `fast` where it has all that reading many rows at once needs."""

    def __init__(self, heading: list[str], given: Mapping[str, str] | None = None) -> None:
        self._names = known_columns(heading, given)
        place = {ours: heading.index(name) for ours, name in self._names.items()}
        self.count, self._heading = len(heading), heading
        self._places = place
        self.fast = all(name in place for name in NEEDED) and not _SLOWER & place.keys()
        self.typed = "type" in place
        self._ids = [place.get(name) for name in ("condition", "token", "outcome_index")]
        self._price, self._seen = place.get("price"), place.get("seen")
        if self.fast:
            self.side, self.time = place["side"], place["time"]
            self.needed = itemgetter(*(place[name] for name in NEEDED))

    def cells(self, row: list[str]) -> Cells:
        """Return one row under our names; a log keeps its own."""
        if "topic0" in map(plain_name, self._heading):
            return dict(zip(self._heading, row, strict=True))
        return {ours: row[at] for ours, at in self._places.items()}

    def ids(self, rows: list[list[str]]) -> Iterable[tuple[str, ...]]:
        """Return the ids that each row names, '' for those it does not."""
        return zip(*(_column(rows, at) for at in self._ids), strict=False)

    def prices(self, rows: list[list[str]]) -> Iterable[str]:
        """Return each row's price; '' where the file has none."""
        return _column(rows, self._price)

    def seen(self, rows: list[list[str]]) -> Iterable[str]:
        """Return when each row was collected; '' when nobody says."""
        return _column(rows, self._seen)


def _column(rows: list[list[str]], at: int | None) -> Iterable[str]:
    return repeat("", len(rows)) if at is None else map(itemgetter(at), rows)


_ONE_TRADE = ("TRADE", -1, 0)
"""Kind, log index and block of a row that a table tells."""


def _trades(rows: list[list[str]], columns: _Columns) -> list[HistoryRow]:
    """Return the trades of rows, column by column, which is faster than row by row."""
    leaders, hashes, timestamps, sides, outcomes, sizes, paid, markets = zip(*map(columns.needed, rows), strict=True)
    shares, usdc = list(map(_micro, sizes)), list(map(_micro, paid))
    if not (_SIDES.keys() >= {*sides} and min(shares) > 0 and min(usdc) >= 0 and all(markets) and all(leaders)):
        raise Malformed(f"side {sides[0]!r}, size {sizes[0]!r}, usdc {paid[0]!r}, market {markets[0]!r}")
    seen_ms = list(map(_seen_ms, columns.seen(rows)))
    tokens, hints = zip(*map(_named, markets, outcomes, columns.ids(rows)), strict=True)
    traded_ms = list(map(_at_ms, timestamps))
    who, what = map(_lower, leaders), map(str.lower, hashes)
    how: list[Side] = [_SIDES[side] for side in sides]
    fees, fee_shares = [0] * len(rows), [0] * len(rows)
    for at, price in _charged(shares, columns.prices(rows), usdc):
        amounts = amounts_of(how[at], Decimal(sizes[at]), price, Decimal(paid[at]), traded_ms[at])
        _, usdc[at], fees[at], fee_shares[at] = amounts
    told = (traded_ms, who, what, tokens, how, shares, usdc, seen_ms, hints, fees, fee_shares)
    return list(map(made_row, zip(*told, *map(repeat, _ONE_TRADE), strict=False)))


def _charged(shares: list[int], prices: Iterable[str], usdc: list[int]) -> list[tuple[int, Decimal]]:
    """Return the places and prices of rows whose collateral is not shares x price: a fee is in one of them."""
    told = list(prices)
    rough = map(_rough, told)
    odd = [
        at
        for at, (size, price, paid) in enumerate(zip(shares, rough, usdc, strict=False))
        if abs(paid - size * price) >= _CLEAR
    ]
    return [(at, Decimal(told[at])) for at in odd]


@lru_cache(maxsize=16_384)
def _rough(price: str) -> float:
    """Return a price as a double, none where a row has none; kept, as most prices repeat."""
    return float(price or "nan")


@lru_cache(maxsize=1024)
def _at_ms(text: str) -> int:
    """Return a time; kept, as many rows of a log are of one second."""
    return read_moment_ms(text)


@lru_cache(maxsize=1024)
def _lower(text: str) -> str:
    return text.lower()


@lru_cache(maxsize=1024)
def _seen_ms(text: str) -> int:
    return read_moment_ms(text, "collected_at") if text else 0


@lru_cache(maxsize=20_000)
def _named(market: str, outcome: str, ids: tuple[str, ...]) -> tuple[str, Hint]:
    """Return the token and what is said of its market; ids are made from the names where the file has none.

    Raises:
        Malformed: nobody says which outcome of its market this is.
    """
    condition_id, token_id, number = ids
    place = int(number) if number else OUTCOMES.get(outcome.lower(), -1)
    if place < 0:
        raise Malformed(f"outcome {outcome!r} of {market!r}: add a column outcome_index")
    if (token_id and not token_id.isdecimal()) or HASH.fullmatch(market):
        raise Malformed("an id that only reading row by row knows")
    condition = condition_id.lower() or market_id(market)
    return token_id or made_token(condition, outcome), (condition, place, outcome, market, "", "")


@lru_cache(maxsize=16_384)
def _micro(text: str) -> int:
    """Return an amount in micro-units; kept, as most amounts repeat.

    A double is off by less than 0.1 of one up to `_DOUBLE`, so far from a half it rounds as the amount does.
    """
    rough = float(text) * MICRO
    micro = round(rough)
    if abs(rough - micro) < _CLEAR and -_DOUBLE < micro < _DOUBLE:
        return micro
    return to_micro(Decimal(text))
