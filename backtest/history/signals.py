"""Rows in time order become signals: one leader's fills of one token and side in one transaction. Pure.

As the detector does it: the fills of a transaction are added up, the signal's id names leader, transaction, token and
side. A transaction stands in one block, so all its rows have one time.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from backtest.happenings import Happening
from shared.errors import Malformed
from shared.events import ActionableSignal, Fill, MarketHint, SeenBy, fact_id
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


def signals(rows: Iterable[Row], source: str) -> Iterator[Happening]:
    """Add up the rows of each second by transaction, token and side.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    second: dict[tuple[str, str, str, str], list[Row]] = {}
    now_ms = 0
    for row in rows:
        if row.traded_ms != now_ms:
            if row.traded_ms < now_ms:
                raise Malformed(f"{source}: {row.tx_hash} at {row.traded_ms} after {now_ms}: not in order")
            yield from (Happening(now_ms, _signal(found, source)) for found in second.values())
            second.clear()
            now_ms = row.traded_ms
        second.setdefault((row.leader, row.tx_hash, row.token_id, row.side), []).append(row)
    yield from (Happening(now_ms, _signal(found, source)) for found in second.values())


def _signal(rows: list[Row], source: str) -> ActionableSignal:
    first = rows[0]
    fills = tuple(map(_fill, rows))
    alone = len(rows) == 1
    shares = first.shares if alone else sum(row.shares for row in rows)
    usdc = first.usdc if alone else sum(row.usdc for row in rows)
    seen_ms = max(first.seen_ms, first.traded_ms)
    return ActionableSignal.of_checked(
        event="ACTIONABLE_SIGNAL",
        version=1,
        id=fact_id("signal", first.leader, first.tx_hash, first.token_id, first.side, 0),
        emitted_at_ms=seen_ms,
        leader=first.leader,
        leader_label="",
        tx_hash=first.tx_hash,
        token_id=first.token_id,
        side=first.side,
        cause="TRADE",
        part=0,
        shares=fills[0].shares if alone else from_micro(shares),
        usdc=fills[0].usdc if alone else from_micro(usdc),
        price=price_of(usdc, shares),
        fills=fills,
        traded_at_ms=first.traded_ms,
        seen_at_ms=seen_ms,
        seen_by=(SeenBy.of_checked(source=source, seen_at_ms=seen_ms, lag_ms=seen_ms - first.traded_ms),),
        emitted_by="first",
        catch_up=False,
        market=_hint(first.hint),
        facts=None,
    )


def _fill(row: Row) -> Fill:
    return Fill.of_checked(shares=from_micro(row.shares), usdc=from_micro(row.usdc), log_index=None, role=None)


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
