"""Rows in time order, grouped into signals: one leader's fills of one token and side in one transaction. Pure.

As the detector does it: the fills of a transaction are added up, the signal's id names leader, transaction, token and
side. A transaction stands in one block, so all its rows have one time.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from backtest.domain.market_events import MarketEvent
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import Shares, Usdc, price_of
from shared.messages.base import signal_id
from shared.messages.signals import ActionableSignal, Fill, MarketHint, SeenBy
from shared.polymarket.wire.leader_fills import LeaderFill

Hint = tuple[str, int, str, str, str, str]
"""What a row says of its market: condition, outcome's number, outcome, title, slug, event's slug."""


class TradeRow(NamedTuple):
    """One fill of a history; amounts in micro-units, `seen_ms` is when its collector saw it (0: nobody says).

    `usdc` is fee-free; the fee is in `fee`, or in `fee_shares` where it came out of the shares (before CLOB V2).
    """

    traded_ms: int
    leader: str
    tx_hash: str
    token_id: str
    side: Side
    shares: int
    usdc: int
    seen_ms: int
    hint: Hint
    fee: int = 0
    fee_shares: int = 0


_ONE_SIGNAL = slice(1, 5)
"""Leader, transaction, token and side."""
_market_event = MarketEvent._make


def trades_of(rows: Iterable[TradeRow], source: str) -> Iterator[MarketEvent]:
    """Add up the rows of each second by transaction, token and side.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    now_ms, second = 0, dict[object, list[TradeRow]]()
    for row in rows:
        if row[0] != now_ms:
            if row[0] < now_ms:
                raise Malformed(f"{source}: {row.tx_hash} at {row.traded_ms} after {now_ms}: not in order")
            yield from _traded(now_ms, second, source)
            now_ms, second = row[0], {}
        signal = row[_ONE_SIGNAL]
        fills = second.get(signal)
        if fills is None:
            second[signal] = [row]
        else:
            fills.append(row)
    yield from _traded(now_ms, second, source)


def _traded(now_ms: int, second: dict[object, list[TradeRow]], source: str) -> list[MarketEvent]:
    return [_market_event((now_ms, _signal(fills, source))) for fills in second.values()]


def _signal(fills: list[TradeRow], source: str) -> ActionableSignal:
    traded_ms, leader, tx_hash, token_id, side, shares, usdc, seen_ms, hint, _, fee_shares = fills[0]
    if len(fills) > 1:
        shares, usdc = sum(row.shares for row in fills), sum(row.usdc for row in fills)
        fee_shares = sum(row.fee_shares for row in fills)
    seen_ms = max(seen_ms, traded_ms)
    return ActionableSignal(
        id=signal_id(leader, tx_hash, token_id, side, 0),
        emitted_at_ms=seen_ms,
        leader=leader,
        tx_hash=tx_hash,
        token_id=token_id,
        side=side,
        shares=Shares(shares),
        usdc=Usdc(usdc),
        price=price_of(Usdc(usdc), Shares(shares + fee_shares)),
        fills=tuple(map(_fill, fills)),
        traded_at_ms=traded_ms,
        seen_at_ms=seen_ms,
        seen_by=_seen_by(source, seen_ms, traded_ms),
        market=_hint(hint),
    )


def _fill(row: TradeRow) -> Fill:
    return Fill(
        shares=Shares(row.shares),
        usdc=Usdc(row.usdc),
        fee=Usdc(row.fee) if row.fee else None,
        fee_shares=Shares(row.fee_shares) if row.fee_shares else None,
    )


def row_of(fill: LeaderFill) -> TradeRow:
    """Return a fill that the venue's feed tells as a row of a history."""
    said = fill.hint
    place = -1 if said.outcome_index is None else said.outcome_index
    return TradeRow(
        fill.traded_at_ms,
        fill.leader,
        fill.tx_hash,
        fill.token_id,
        fill.side,
        fill.shares_micro,
        fill.usdc_micro,
        0,
        (said.condition_id, place, said.outcome, said.title, said.slug, said.event_slug),
        fill.fee_micro,
        fill.fee_shares_micro,
    )


@lru_cache(maxsize=256)
def _seen_by(source: str, seen_ms: int, traded_ms: int) -> tuple[SeenBy]:
    """Return who saw it; kept, as all trades of a second were collected at once."""
    return (SeenBy(source=source, seen_at_ms=seen_ms, lag_ms=seen_ms - traded_ms),)


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
