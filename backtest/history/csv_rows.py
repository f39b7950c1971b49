"""A poller's log of wallets as CSV: `wallet_addr, tx_hash, timestamp, side, outcome, price, size, usdc, market`.

`collected_at` (seconds, the poller's own clock) is optional, as are `price`, `token_id`, `condition_id` and
`outcome_index`. Where `usdc` is not size x price, the fee is in it (`shared/polymarket/wire/trade_amounts`).
Where the file names no ids, market and outcome stand for them: the ids are made from their names, and the outcomes of a
market are numbered by `OUTCOMES`. Rows without a side are redemptions and merges: no trades.
"""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import islice, repeat
from operator import itemgetter

from backtest.history.skipped_rows import SkippedRows
from backtest.history.trade_grouping import Hint, TradeRow
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import MICRO, to_micro
from shared.messages.base import fact_id
from shared.polymarket.wire.trade_amounts import amounts_of
from shared.polymarket.wire.venue_times import read_moment_ms

NEEDED = ("wallet_addr", "tx_hash", "timestamp", "side", "outcome", "size", "usdc", "market")
_AT_ONCE = 256
_DOUBLE, _CLEAR = 10**14, 0.4
_DIGITS = 11
"""More than a time in seconds has."""
_SIDES: dict[str, Side] = {"BUY": "BUY", "SELL": "SELL", "buy": "BUY", "sell": "SELL", "Buy": "BUY", "Sell": "SELL"}
OUTCOMES = {"yes": 0, "up": 0, "over": 0, "no": 1, "down": 1, "under": 1}


class CsvRows:
    """Reads the rows of one file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.left_out = SkippedRows()

    def read(self, lines: Iterable[str]) -> Iterator[TradeRow]:
        """Yield each trade in the file's order.

        Raises:
            Malformed: the heading lacks a column.
        """
        reader = csv.reader(lines)
        heading = next(reader, list[str]())
        missing = sorted(set(NEEDED) - set(heading))
        if missing:
            raise Malformed(f"{self._name}: no column {', '.join(missing)} in its heading {heading}")
        columns, line = _Columns(heading), 2
        while rows := list(islice(reader, _AT_ONCE)):
            yield from self._trades(rows, columns, line)
            line += len(rows)

    def _trades(self, rows: list[list[str]], columns: "_Columns", line: int) -> list[TradeRow]:
        """Return the trades of rows, which are halved until what cannot be read stands alone."""
        sided = [row for row in rows if len(row) != columns.count or row[columns.side]]
        try:
            found = self._read(sided, columns) if sided else []
        except (Malformed, ArithmeticError, ValueError, IndexError) as error:
            half = len(rows) // 2
            if half:
                return self._trades(rows[:half], columns, line) + self._trades(rows[half:], columns, line + half)
            self.left_out.problem(f"line {line}: {error}")
            return []
        if len(sided) < len(rows):
            self.left_out.skip("without a side", len(rows) - len(sided))
        return found

    def _read(self, rows: list[list[str]], columns: "_Columns") -> list[TradeRow]:
        found = _trades(rows, columns)
        for row in rows:
            if len(row[columns.time]) > _DIGITS:
                self.left_out.time(row[columns.time])
        return found


class _Columns:
    """Where a file keeps what."""

    def __init__(self, heading: list[str]) -> None:
        place = {name: number for number, name in enumerate(heading)}
        self.count, self.side, self.time = len(heading), place["side"], place["timestamp"]
        self.needed = itemgetter(*(place[name] for name in NEEDED))
        self._price = place.get("price")
        self._ids = [place.get(name) for name in ("condition_id", "token_id", "outcome_index")]
        self._seen = place.get("collected_at")

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


def _trades(rows: list[list[str]], columns: _Columns) -> list[TradeRow]:
    """Return the trades of rows, column by column, which is faster than row by row."""
    leaders, hashes, timestamps, sides, outcomes, sizes, paid, markets = zip(*map(columns.needed, rows), strict=True)
    shares, usdc = list(map(_micro, sizes)), list(map(_micro, paid))
    if not (_SIDES.keys() >= {*sides} and min(shares) > 0 and min(usdc) >= 0 and all(markets)):
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
    found = zip(traded_ms, who, what, tokens, how, shares, usdc, seen_ms, hints, fees, fee_shares, strict=True)
    return list(map(TradeRow._make, found))


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
    condition = condition_id or market_id(market)
    token = token_id or str(int(fact_id("token", condition, outcome), 16))
    return token, (condition.lower(), place, outcome, market, "", "")


def market_id(market: str) -> str:
    """Return the id of a market known by its title only."""
    return "0x" + fact_id("market", market)


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
