"""What one ledger brought since a moment, market by market, from its trades and what it holds. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from shared.domain.ledger_accounts import REALIZED, Lot
from shared.domain.money import Usdc
from shared.domain.value import Value
from shared.messages.account import LotMarks, marked_value
from shared.messages.trades import TradeBooked


class BookResult(Value, frozen=True, kw_only=True):
    """One ledger's result since `since_ms`, in micro-units.

    `markets` are those that were entered since, with what each brought; of `unknown` ones nobody knows what is held
    brings now, and those of `before` were entered before: neither counts. `whole`: all trades since are kept.
    """

    since_ms: int
    buys: int
    spent: Usdc
    markets: dict[str, int]
    unknown: frozenset[str] = frozenset()
    before: frozenset[str] = frozenset()
    whole: bool = True

    @property
    def pnl(self) -> int:
        """Return what the markets that count brought, open lots at the bids."""
        return sum(self.markets.values())


def book_result(
    trades: Sequence[TradeBooked],
    lots: Iterable[Lot],
    marks: LotMarks | None,
    values: Mapping[str, int],
    since_ms: int,
) -> BookResult:
    """Add a ledger up; `trades` are all that are kept of it, in any order, `values` its accounts."""
    whole = sum(trade.realized for trade in trades) == values.get(REALIZED, 0)
    since = [trade for trade in trades if trade.emitted_at_ms >= since_ms]
    bought = {trade.condition_id for trade in since if trade.kind == "BUY"}
    early = {trade.condition_id for trade in trades if trade.emitted_at_ms < since_ms}
    before = frozenset(
        {trade.condition_id for trade in since} & early | {trade.condition_id for trade in since} - bought
    )
    ours = [trade for trade in since if trade.condition_id not in before]
    markets: dict[str, int] = {}
    for trade in ours:
        markets[trade.condition_id] = markets.get(trade.condition_id, 0) + trade.realized
    unknown = _add_open(markets, [lot for lot in lots if lot.condition_id in markets], marks)
    buys = [trade for trade in ours if trade.kind == "BUY"]
    return BookResult(
        since_ms=since_ms,
        buys=len(buys),
        spent=Usdc(sum(trade.cost for trade in buys)),
        markets={name: pnl for name, pnl in markets.items() if name not in unknown},
        unknown=unknown,
        before=before,
        whole=whole or len(since) < len(trades),
    )


def _add_open(markets: dict[str, int], lots: Iterable[Lot], marks: LotMarks | None) -> frozenset[str]:
    """Add what open lots stand above their cost; return the markets of those whose worth nobody knows."""
    worth = {mark.key: mark for mark in marks.marks} if marks else {}
    unknown: set[str] = set()
    for lot in lots:
        value = marked_value(lot, worth.get(lot.key))
        if value is None:
            unknown.add(lot.condition_id)
        else:
            markets[lot.condition_id] += value - lot.cost
    return frozenset(unknown)
