"""Rows in time order as market events: one leader's fills of one token and side in one transaction are a signal. Pure.

As the detector does it: the fills of a transaction are added up, the signal's id names leader, transaction, token and
side. A transaction stands in one block, so all its rows have one time. Rows that are no trades: `leader_changes.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial

from backtest.domain.market_events import MarketEvent
from backtest.history.leader_changes import ChangedRows
from backtest.history.market_names import MarketNames
from backtest.history.reading.history_row import Hint, HistoryRow
from backtest.history.redemptions import PaidTotals, Payouts, Redemption, RedemptionRules
from shared.domain.errors import Malformed
from shared.domain.money import Shares, Usdc, price_of
from shared.messages.base import signal_id
from shared.messages.signals import ActionableSignal, Fill, MarketHint, SeenBy

Arrange = Callable[[list[HistoryRow]], list[HistoryRow]]
_ONE_SIGNAL = slice(1, 5)
"""Leader, transaction, token and side."""
_BLOCK, _KIND = -1, 11
_market_event: Callable[[tuple[int, ActionableSignal]], MarketEvent] = partial(tuple.__new__, MarketEvent)  # type: ignore[arg-type]


def trades_of(rows: Iterable[HistoryRow], source: str) -> Iterator[MarketEvent]:
    """Add up the rows of each second by transaction, token and side; all of one `source`, in their order.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    return RedemptionRules({}).settle(row_events(rows, lambda _row: source, MarketNames(), lambda second: second))


def told_rows(rows: Sequence[HistoryRow], source: str, payouts: Mapping[str, Payouts]) -> Iterator[MarketEvent]:
    """Return rows of one `source`, trades or not, as events; `payouts` is how their markets are known to have resolved.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    names, paid = MarketNames(), PaidTotals()
    for row in rows:
        names.learn(row.token_id, row.hint)
        if row.kind == "REDEEM":
            paid.learn(row)
    rules = RedemptionRules(payouts, paid.by_market(names))
    return rules.settle(row_events(rows, lambda _row: source, names, lambda second: second))


def row_events(
    rows: Iterable[HistoryRow], source_of: Callable[[HistoryRow], str], names: MarketNames, arrange: Arrange
) -> Iterator[MarketEvent | Redemption]:
    """Yield what rows say, second by second.

    Args:
        rows: In the order of their time.
        source_of: The name of a row's file.
        names: What markets are called in any of the files.
        arrange: Puts the rows of one second in order and leaves out what was told before.

    Raises:
        Malformed: the rows are not in the order of their time.
    """
    changed = ChangedRows(names)
    now_ms, second = 0, list[HistoryRow]()
    for row in rows:
        if row[0] != now_ms:
            if row[0] < now_ms:
                raise Malformed(f"{source_of(row)}: {row.tx_hash} at {row.traded_ms} after {now_ms}: not in order")
            if second:
                yield from _happened(arrange(_named(second, names)), source_of, changed)
            now_ms, second = row[0], []
        second.append(row)
    if second:
        yield from _happened(arrange(_named(second, names)), source_of, changed)


def _named(second: list[HistoryRow], names: MarketNames) -> list[HistoryRow]:
    if names.agree:
        return second
    found: list[HistoryRow] = []
    for row in second:
        token, hint = names.named(row.token_id, row.hint)
        found.append(row if hint is row.hint else row._replace(token_id=token, hint=hint))
    return found


def _happened(
    second: list[HistoryRow], source_of: Callable[[HistoryRow], str], changed: ChangedRows
) -> Iterator[MarketEvent | Redemption]:
    signals: dict[object, list[HistoryRow]] = {}
    others: list[HistoryRow] = []
    for row in second:
        if row[_KIND] != "TRADE":
            others.append(row)
            continue
        key = row[_ONE_SIGNAL]
        fills = signals.get(key)
        if fills is None:
            signals[key] = [row]
        else:
            fills.append(row)
    if others:
        yield from changed.before(others)
    block, source = None, ""
    for fills in signals.values():
        first = fills[0]
        if first[_BLOCK] != block:  # the rows of a block stand in one file
            block, source = first[_BLOCK], source_of(first)
        yield _market_event((first[0], _signal(fills, source)))
    if others:
        yield from changed.after(others, source_of)


def _signal(fills: list[HistoryRow], source: str) -> ActionableSignal:
    traded_ms, leader, tx_hash, token_id, side, shares, usdc, seen_ms, hint, _, fee_shares, _, _, _ = fills[0]
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
        seen_by=seen_by(source, seen_ms, traded_ms),
        market=hint_of(hint),
    )


def _fill(row: HistoryRow) -> Fill:
    _, _, _, _, _, shares, usdc, _, _, fee, fee_shares, _, log_index, _ = row
    return Fill(
        shares=Shares(shares),
        usdc=Usdc(usdc),
        log_index=log_index if log_index >= 0 else None,
        fee=Usdc(fee) if fee else None,
        fee_shares=Shares(fee_shares) if fee_shares else None,
    )


@lru_cache(maxsize=256)
def seen_by(source: str, seen_ms: int, traded_ms: int) -> tuple[SeenBy]:
    """Return who saw it; kept, as all trades of a second were collected at once."""
    return (SeenBy(source=source, seen_at_ms=seen_ms, lag_ms=seen_ms - traded_ms),)


@lru_cache(maxsize=20_000)
def hint_of(hint: Hint) -> MarketHint:
    """Return what is said of a market as a signal says it."""
    condition_id, place, outcome, title, slug, event_slug = hint
    return MarketHint(
        condition_id=condition_id,
        outcome_index=place if place >= 0 else None,
        outcome=outcome,
        title=title,
        slug=slug,
        event_slug=event_slug,
    )
