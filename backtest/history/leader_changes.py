"""Rows that are no trades, as what they do to a leader's shares: splits, merges, conversions, redemptions. Pure.

| row | what becomes of it |
|---|---|
| SPLIT | shares of every outcome come, each for its even part of the collateral: the cost of what is sold later |
| MERGE | shares of every outcome go for their even part: an exit, as the live detector tells it |
| CONVERSION | shares of the second outcome go at their cost; what they became no row says, so its origin is unknown |
| REDEEM | the market has resolved: `redemptions.py` finds out how |

The venue counts splits and merges so, too: at half of the collateral for each of the two outcomes.
"""

from collections.abc import Callable, Iterator, Sequence

from backtest.domain.market_events import LeaderChange, MarketEvent
from backtest.history.market_names import MarketNames
from backtest.history.reading.history_row import HistoryRow
from backtest.history.redemptions import Redemption
from shared.domain.market import Side
from shared.domain.money import Price, Shares, Usdc
from shared.messages.base import fact_id
from shared.messages.signals import ActionableSignal, Fill, MarketHint, SeenBy

SourceOf = Callable[[HistoryRow], str]
_SECOND = 1
"""The outcome that a neg-risk conversion takes: No."""


class ChangedRows:
    """Turns the rows of one second that are no trades into events."""

    def __init__(self, names: MarketNames) -> None:
        self._names = names

    def before(self, rows: Sequence[HistoryRow]) -> Iterator[MarketEvent]:
        """Yield what brings shares, which happens before that second's trades."""
        for row in rows:
            if row.kind == "SPLIT":
                yield from self._each(row, "BUY")

    def after(self, rows: Sequence[HistoryRow], source_of: SourceOf) -> Iterator[MarketEvent | Redemption]:
        """Yield what takes shares, which happens after that second's trades."""
        redeemed: dict[tuple[str, str], list[HistoryRow]] = {}
        for row in rows:
            if row.kind == "MERGE":
                yield from self._merge(row, source_of(row))
            elif row.kind == "CONVERSION":
                token = row.token_id or self._names.outcomes(row.hint[0])[_SECOND][0]
                yield MarketEvent(row.traded_ms, _change(row, "SELL", token, _SECOND, row.shares, 0))
            elif row.kind == "REDEEM":
                redeemed.setdefault((row.leader, row.hint[0]), []).append(row)
        yield from map(_redemption, redeemed.values())

    def _each(self, row: HistoryRow, side: Side) -> Iterator[MarketEvent]:
        for place, (token, _) in enumerate(self._outcomes(row)):
            usdc = _even_part(row.usdc or row.shares, place, len(self._outcomes(row)))
            yield MarketEvent(row.traded_ms, _change(row, side, token, place, row.shares, usdc))

    def _merge(self, row: HistoryRow, source: str) -> Iterator[MarketEvent]:
        outcomes = self._outcomes(row)
        for place, (token, traded) in enumerate(outcomes):
            usdc = _even_part(row.usdc, place, len(outcomes))
            if traded:
                yield MarketEvent(row.traded_ms, _merge_signal(row, token, place, usdc, source))
            else:
                yield MarketEvent(row.traded_ms, _change(row, "SELL", token, place, row.shares, usdc))

    def _outcomes(self, row: HistoryRow) -> tuple[tuple[str, bool], ...]:
        return ((row.token_id, True),) if row.token_id else self._names.outcomes(row.hint[0])


def _redemption(rows: Sequence[HistoryRow]) -> Redemption:
    told = tuple((row.hint[1], row.shares, row.usdc) for row in rows if row.hint[1] >= 0)
    first = rows[0]
    return Redemption(first.traded_ms, first.leader, first.hint[0], sum(row.usdc for row in rows), told)


def _even_part(usdc: int, place: int, count: int) -> int:
    return usdc // count + (place < usdc % count)


def _change(row: HistoryRow, side: Side, token: str, place: int, shares: int, usdc: int) -> LeaderChange:
    kind = "MERGE" if row.kind == "TRADE" else row.kind
    return LeaderChange(kind, row.leader, row.hint[0], place, token, side, shares, usdc)


def _merge_signal(row: HistoryRow, token: str, place: int, usdc: int, source: str) -> ActionableSignal:
    """Return a merge of one outcome as the detector tells it: the same id, no price."""
    condition, _, _, title, slug, event_slug = row.hint
    at_ms, seen_ms = row.traded_ms, max(row.seen_ms, row.traded_ms)
    return ActionableSignal(
        id=fact_id("signal", row.leader, row.tx_hash, token, "SELL", "MERGE", 0),
        emitted_at_ms=seen_ms,
        leader=row.leader,
        tx_hash=row.tx_hash,
        token_id=token,
        side="SELL",
        cause="MERGE",
        shares=Shares(row.shares),
        usdc=Usdc(usdc),
        price=Price(0),
        fills=(Fill(shares=Shares(row.shares), usdc=Usdc(usdc)),),
        traded_at_ms=at_ms,
        seen_at_ms=seen_ms,
        seen_by=(SeenBy(source=source, seen_at_ms=seen_ms, lag_ms=seen_ms - at_ms),),
        market=MarketHint(condition_id=condition, outcome_index=place, title=title, slug=slug, event_slug=event_slug),
    )
