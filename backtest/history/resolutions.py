"""Resolutions of markets, and the time each closed: from a CSV, or from Gamma's markets saved as JSON (array or lines).

A CSV has `market` (title) or `condition_id`, and `winner` or `payouts`: the vector by outcome index, such as `1;0` or
`0.5;0.5`; or the winning outcome's name, for markets of two. A row without both leaves its market open, as does one
whose payouts do not add up to exactly 1 (`shared/polymarket/wire/conditions.payouts_of`), and a market of Gamma's that
is not closed at exactly 1, 0.5 or 0.

When a market closed is its `resolved_at` (epoch seconds) or `closedTime` (Gamma's words), if either is given. Else it
is reckoned: its planned `endDate` where the last known trade came before that, else some time after that trade; never
after the first redemption of it. It is never reckoned from the outcome, and a run says how many trades stand on it.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from backtest.domain.market_events import FOREVER_MS, MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history.market_facts import gamma_markets
from backtest.history.reading.history_row import OUTCOMES, market_id
from shared.domain.errors import Malformed
from shared.polymarket.wire.conditions import payouts_of
from shared.polymarket.wire.venue_times import read_moment_ms

LINGERS_S = 60.0
"""Longer than most delays that are asked for, with the order's own time: closed right after its last trade, a market
could never be followed in that trade."""
_DATE = len("2026-07-24")
_PAID = ("0", "0.5", "1")


Payouts = tuple[Fraction, ...]


class KnownResolutions(NamedTuple):
    """What is said of one market; times in epoch milliseconds, 0 where none is.

    `by_ms` is when it had resolved at the latest, as somebody was paid.
    """

    payouts: tuple[Fraction, ...]
    closed_ms: int = 0
    ends_ms: int = 0
    by_ms: int = 0


def read_resolutions(
    lines: Iterable[str], name: str, left_open: list[str] | None = None
) -> dict[str, KnownResolutions]:
    """Return what is known of each resolved market by condition; `left_open` takes payouts that are none.

    Raises:
        Malformed: naming the line and what it should be.
    """
    coming = iter(lines)
    first = next(coming, "")
    unpaid = [] if left_open is None else left_open
    if is_json([first]):
        return dict(_of_gamma(chain([first], coming), name, unpaid))
    return dict(_of_csv(chain([first], coming), name, unpaid))


def is_json(lines: Sequence[str]) -> bool:
    """Say whether a file's lines are Gamma's markets and no table."""
    return bool(lines) and lines[0].lstrip()[:1] in {"[", "{"}


def resolution_events(
    found: Mapping[str, KnownResolutions], last_ms: Mapping[str, int], lingers_s: float = LINGERS_S
) -> Iterator[MarketEvent]:
    """Return the resolutions of the markets that were traded, in time order; `last_ms` is each one's last trade."""
    traded = (_resolved(name, known, last_ms[name], lingers_s) for name, known in found.items() if name in last_ms)
    return iter(sorted(traded, key=itemgetter(0)))


def _resolved(name: str, known: KnownResolutions, last_ms: int, lingers_s: float) -> MarketEvent:
    if known.closed_ms:
        return MarketEvent(known.closed_ms, ResolvedMarket(name, known.payouts))
    latest_ms = known.by_ms or FOREVER_MS
    if known.ends_ms > last_ms:
        return MarketEvent(min(known.ends_ms, latest_ms), ResolvedMarket(name, known.payouts, "planned"))
    reckoned_ms = last_ms + round(lingers_s * 1000)
    return MarketEvent(min(reckoned_ms, latest_ms), ResolvedMarket(name, known.payouts, "assumed"))


def _of_csv(lines: Iterable[str], name: str, unpaid: list[str]) -> Iterator[tuple[str, KnownResolutions]]:
    for number, row in enumerate(csv.DictReader(lines), start=2):
        condition = (row.get("condition_id") or "").lower() or market_id(row.get("market") or "")
        try:
            told = _told(row)
            if told and (payouts := _paid(told, f"line {number}", unpaid)):
                yield condition, _known(payouts, row)
        except (ValueError, ZeroDivisionError, Malformed) as error:
            raise Malformed(f"{name}:{number}: {error}: {dict(row)}") from error


def _of_gamma(lines: Iterable[str], name: str, unpaid: list[str]) -> Iterator[tuple[str, KnownResolutions]]:
    """Yield Gamma's closed markets; `outcomePrices` is a JSON text inside the JSON."""
    try:
        for row in gamma_markets(lines):
            prices: list[str] = json.loads(row.get("outcomePrices") or "[]")
            if row.get("closed") and prices and all(price in _PAID for price in prices):
                condition = str(row["conditionId"]).lower()
                if payouts := _paid(prices, condition, unpaid):
                    yield condition, _known(payouts, row)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"{name}: no markets as Gamma serves them: {type(error).__name__} {error}") from error


def _known(payouts: tuple[Fraction, ...], row: Mapping[str, Any]) -> KnownResolutions:
    told = row.get("resolved_at")
    told_ms = read_moment_ms(told, "resolved_at") if told else 0
    return KnownResolutions(payouts, told_ms or _ms(row.get("closedTime")), _ms(row.get("endDate")))


def _ms(text: str | None) -> int:
    """Return a moment as Gamma writes it, `2026-07-24T12:00:00Z` or `2026-07-24 12:00:00+00`; a bare date ends then."""
    if not text:
        return 0
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round((moment + timedelta(days=len(text) == _DATE)).timestamp() * 1000)


def _paid(told: Sequence[Fraction | str], whose: str, unpaid: list[str]) -> tuple[Fraction, ...]:
    """Return payouts; none where they are no resolution, which is said."""
    try:
        return payouts_of(told)
    except Malformed as error:
        unpaid.append(f"{whose}: {error}")
        return ()


def _told(row: Mapping[str, str | None]) -> tuple[Fraction, ...]:
    """Return what a row says that each outcome pays; none where it says nothing."""
    vector, winner = row.get("payouts") or "", row.get("winner") or ""
    if vector:
        return tuple(Fraction(part.strip()) for part in vector.split(";"))
    if not winner:
        return ()
    place = OUTCOMES.get(winner.lower())
    if place is None:
        raise ValueError(f"winner {winner!r}: give payouts such as 1;0 instead")
    return (Fraction(1 - place), Fraction(place))
