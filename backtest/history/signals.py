"""Rows in time order become signals: one leader's fills of one token and side in one transaction. Pure.

As the detector does it: the fills of a transaction are added up, the signal's id names leader, transaction, token and
side. A transaction stands in one block, so all its rows have one time.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from backtest.happenings import Happening
from shared.errors import Malformed
from shared.events import ActionableSignal, Fill, MarketHint, SeenBy, signal_id
from shared.money import from_micro, price_of

Hint = tuple[str, int, str, str, str, str]
"""What a row says of its market: condition, outcome's number, outcome, title, slug, event's slug."""


class Row(NamedTuple):
    """One fill of a history; amounts in micro-units, `seen_ms` is when its collector saw it (0: nobody says)."""

    traded_ms: int
    leader: str
    tx_hash: str
    token_id: str
    side: str
    shares: int
    usdc: int
    seen_ms: int
    hint: Hint


_TRADED_MS = itemgetter(0)
_ONE_SIGNAL = itemgetter(slice(1, 5))
"""Leader, transaction, token and side."""
_signal_of, _fill_of = ActionableSignal.filler(), Fill.filler()


def signals(rows: Iterable[Row], source: str) -> Iterator[Happening]:
    """Add up the rows of each second by transaction, token and side.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    last_ms = 0
    for now_ms, second in groupby(rows, _TRADED_MS):
        found: dict[tuple[str, ...], list[Row]] = {}
        for row in second:
            if now_ms < last_ms:
                raise Malformed(f"{source}: {row.tx_hash} at {now_ms} after {last_ms}: not in order")
            found.setdefault(_ONE_SIGNAL(row), []).append(row)
        for fills in found.values():
            yield Happening(now_ms, _signal(fills, source))
        last_ms = now_ms


def _signal(rows: list[Row], source: str) -> ActionableSignal:
    first = rows[0]
    traded_ms, leader, tx_hash, token_id, side, shares, usdc, seen_ms, hint = first
    fills = tuple(map(_fill, rows))
    if len(rows) > 1:
        shares, usdc = sum(row.shares for row in rows), sum(row.usdc for row in rows)
    seen_ms = max(seen_ms, traded_ms)
    return _signal_of(
        {
            "event": "ACTIONABLE_SIGNAL",
            "version": 1,
            "id": signal_id(leader, tx_hash, token_id, side, 0),
            "emitted_at_ms": seen_ms,
            "leader": leader,
            "leader_label": "",
            "tx_hash": tx_hash,
            "token_id": token_id,
            "side": side,
            "cause": "TRADE",
            "part": 0,
            "shares": from_micro(shares),
            "usdc": from_micro(usdc),
            "price": price_of(usdc, shares),
            "fills": fills,
            "traded_at_ms": traded_ms,
            "seen_at_ms": seen_ms,
            "seen_by": _seen_by(source, seen_ms, traded_ms),
            "emitted_by": "first",
            "catch_up": False,
            "market": _hint(hint),
            "facts": None,
        }
    )


def _fill(row: Row) -> Fill:
    return _fill_of({"shares": from_micro(row.shares), "usdc": from_micro(row.usdc), "log_index": None, "role": None})


@lru_cache(maxsize=256)
def _seen_by(source: str, seen_ms: int, traded_ms: int) -> tuple[SeenBy]:
    """Return who saw it; kept, as all trades of a second were collected at once."""
    return (SeenBy.of_checked(source=source, seen_at_ms=seen_ms, lag_ms=seen_ms - traded_ms),)


@lru_cache(maxsize=20_000)
def _hint(hint: Hint) -> MarketHint:
    condition_id, place, outcome, title, slug, event_slug = hint
    return MarketHint(
        condition_id=condition_id,
        outcome_index=place if place >= 0 else None,
        outcome=outcome,
        title=title,
        slug=slug,
        event_slug=event_slug,
    )
