"""A poller's log of wallets as CSV: `wallet_addr, tx_hash, timestamp, side, outcome, price, size, usdc, market`.

`collected_at` (seconds, the poller's own clock) is optional, as are `token_id`, `condition_id` and `outcome_index`.
Where the file names no ids, market and outcome stand for them: the ids are made from their names, and the outcomes of a
market are numbered by `OUTCOMES`. Rows without a side are redemptions and merges: no trades.
"""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from backtest.history.left_out import LeftOut
from backtest.history.signals import Row
from shared.errors import Malformed
from shared.events import fact_id
from shared.money import to_micro

NEEDED = frozenset({"wallet_addr", "tx_hash", "timestamp", "side", "outcome", "size", "usdc", "market"})
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
        missing = sorted(NEEDED - set(heading))
        if missing:
            raise Malformed(f"{self._name}: no column {', '.join(missing)} in its heading {heading}")
        place = {name: number for number, name in enumerate(heading)}
        for number, row in enumerate(reader, start=2):
            if len(row) == len(heading) and not row[place["side"]]:
                self.left_out.skip("without a side")
                continue
            try:
                yield _row(row, place)
            except (Malformed, InvalidOperation, ValueError, IndexError) as error:
                self.left_out.problem(f"line {number}: {error}")


def _row(row: list[str], place: dict[str, int]) -> Row:
    side, market, outcome = row[place["side"]], row[place["market"]], row[place["outcome"]]
    shares, usdc = _micro(row[place["size"]]), _micro(row[place["usdc"]])
    tx_hash, leader = row[place["tx_hash"]].lower(), row[place["wallet_addr"]].lower()
    if side not in {"BUY", "SELL"} or shares <= 0 or usdc < 0 or not market:
        raise Malformed(f"side {side!r}, size {row[place['size']]!r}, usdc {row[place['usdc']]!r}, market {market!r}")
    traded_ms = int(row[place["timestamp"]]) * 1000
    seen = row[place["collected_at"]] if "collected_at" in place else ""
    names = tuple(row[place[name]] if name in place else "" for name in ("condition_id", "token_id", "outcome_index"))
    condition_id, token_id, number = _ids(market, outcome, *names)
    seen_ms = round(float(seen) * 1000) if seen else 0
    hint = (condition_id, number, outcome, market, "", "")
    return Row(traded_ms, leader, tx_hash, token_id, side, shares, usdc, seen_ms, hint)


@lru_cache(maxsize=20_000)
def _ids(market: str, outcome: str, condition_id: str, token_id: str, number: str) -> tuple[str, str, int]:
    """Return condition, token and outcome number; made from the names where the file has none.

    Raises:
        Malformed: nobody says which outcome of its market this is.
    """
    place = int(number) if number else OUTCOMES.get(outcome.lower(), -1)
    if place < 0:
        raise Malformed(f"outcome {outcome!r} of {market!r}: add a column outcome_index")
    condition = condition_id or market_id(market)
    return condition.lower(), token_id or str(int(fact_id("token", condition, outcome), 16)), place


def market_id(market: str) -> str:
    """Return the id of a market known by its title only."""
    return "0x" + fact_id("market", market)


def _micro(text: str) -> int:
    return to_micro(Decimal(text))
