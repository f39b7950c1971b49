"""How markets resolved, from a CSV: `market` (title) or `condition_id`, and `winner` or `payouts`.

`payouts` is the vector by outcome index, such as `1;0` or `0.5;0.5`; `winner` an outcome's name, for markets of two.
`resolved_at` (epoch seconds) is optional: without it a market counts as resolved right after its last known trade.
A row without winner and payouts leaves its market open.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from operator import itemgetter

from backtest.happenings import Happening
from backtest.history.csv_rows import OUTCOMES, market_id
from backtest.markets import Resolved
from shared.errors import Malformed

AFTER_LAST_TRADE_MS = 1000


def read_resolutions(lines: Iterable[str], name: str) -> dict[str, tuple[Resolved, int]]:
    """Return each resolved market by condition, with the time it resolved (0: nobody says).

    Raises:
        Malformed: naming the line and what it should be.
    """
    found: dict[str, tuple[Resolved, int]] = {}
    for number, row in enumerate(csv.DictReader(lines), start=2):
        condition = (row.get("condition_id") or "").lower() or market_id(row.get("market") or "")
        try:
            payouts = _payouts(row)
            resolved_ms = round(float(row.get("resolved_at") or 0) * 1000)
        except (ValueError, ZeroDivisionError) as error:
            raise Malformed(f"{name}:{number}: {error}: {dict(row)}") from error
        if payouts:
            found[condition] = (Resolved(condition, payouts), resolved_ms)
    return found


def happenings(found: Mapping[str, tuple[Resolved, int]], last_ms: Mapping[str, int]) -> Iterator[Happening]:
    """Return the resolutions of the markets that were traded, in time order."""
    traded = [
        (resolved_ms or last_ms[name] + AFTER_LAST_TRADE_MS, what)
        for name, (what, resolved_ms) in found.items()
        if name in last_ms
    ]
    return (Happening(at_ms, what) for at_ms, what in sorted(traded, key=itemgetter(0)))


def _payouts(row: Mapping[str, str | None]) -> tuple[Fraction, ...]:
    vector, winner = row.get("payouts") or "", row.get("winner") or ""
    if vector:
        payouts = tuple(Fraction(part.strip()) for part in vector.split(";"))
        if min(payouts) < 0 or not 0 < sum(payouts) <= 1:
            raise ValueError(f"payouts {vector!r} must lie between 0 and 1 together")
        return payouts
    if not winner:
        return ()
    place = OUTCOMES.get(winner.lower())
    if place is None:
        raise ValueError(f"winner {winner!r}: give payouts such as 1;0 instead")
    return (Fraction(1 - place), Fraction(place))
