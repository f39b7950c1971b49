"""A poller's log of wallets as CSV: `wallet_addr, tx_hash, timestamp, side, outcome, price, size, usdc, market`.

`collected_at` (seconds, the poller's own clock) is optional, as are `token_id`, `condition_id` and `outcome_index`.
Where the file names no ids, market and outcome stand for them: the ids are made from their names, and the outcomes of a
market are numbered by `OUTCOMES`. Rows without a side are redemptions and merges: no trades.
"""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter

from backtest.history.left_out import LeftOut
from backtest.history.signals import Hint, Row
from shared.errors import Malformed
from shared.events import fact_id
from shared.money import to_micro

NEEDED = ("wallet_addr", "tx_hash", "timestamp", "side", "outcome", "size", "usdc", "market")
OUTCOMES = {"yes": 0, "up": 0, "over": 0, "no": 1, "down": 1, "under": 1}


class CsvRows:
    """Reads the rows of one file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.left_out = LeftOut()

    def read(self, lines: Iterable[str]) -> Iterator[Row]:
        """Yield each trade in the file's order.

        Raises:
            Malformed: the heading lacks a column.
        """
        reader = csv.reader(lines)
        heading = next(reader, list[str]())
        missing = sorted(set(NEEDED) - set(heading))
        if missing:
            raise Malformed(f"{self._name}: no column {', '.join(missing)} in its heading {heading}")
        columns = _Columns(heading)
        for number, row in enumerate(reader, start=2):
            if len(row) == len(heading) and not row[columns.side]:
                self.left_out.skip("without a side")
                continue
            try:
                yield _row(row, columns)
            except (Malformed, InvalidOperation, ValueError, IndexError) as error:
                self.left_out.problem(f"line {number}: {error}")


class _Columns:
    """Where a file keeps what."""

    def __init__(self, heading: list[str]) -> None:
        place = {name: number for number, name in enumerate(heading)}
        self.side = place["side"]
        self.needed = itemgetter(*(place[name] for name in NEEDED))
        self._ids = [place.get(name) for name in ("condition_id", "token_id", "outcome_index")]
        self._names_ids = any(at is not None for at in self._ids)
        self._seen = place.get("collected_at")

    def ids(self, row: list[str]) -> tuple[str, ...]:
        """Return the ids that a row names, '' for each it does not."""
        return tuple("" if at is None else row[at] for at in self._ids) if self._names_ids else _NO_IDS

    def seen(self, row: list[str]) -> str:
        """Return when the row was collected; '' when nobody says."""
        return "" if self._seen is None else row[self._seen]


_NO_IDS = ("", "", "")


def _row(row: list[str], columns: _Columns) -> Row:
    leader, tx_hash, timestamp, side, outcome, size, paid, market = columns.needed(row)
    shares, usdc = _micro(size), _micro(paid)
    if side not in {"BUY", "SELL"} or shares <= 0 or usdc < 0 or not market:
        raise Malformed(f"side {side!r}, size {size!r}, usdc {paid!r}, market {market!r}")
    seen = columns.seen(row)
    seen_ms = round(float(seen) * 1000) if seen else 0
    token_id, hint = _named(market, outcome, columns.ids(row))
    return Row(int(timestamp) * 1000, leader.lower(), tx_hash.lower(), token_id, side, shares, usdc, seen_ms, hint)


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


def _micro(text: str) -> int:
    return to_micro(Decimal(text))
