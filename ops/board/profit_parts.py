"""Profit and loss by leader and by market: what is realized adds up to the ledger, whatever trades are kept. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ops.board.money_rows import LotProfit, Position
from shared.domain.ledger_accounts import FEES, REALIZED
from shared.domain.money import Usdc
from shared.messages.trades import TradeBooked

Values = Mapping[str, int]
_LEADER = "realized:"


@dataclass
class _Sums:
    realized: int = 0
    fees: int = 0
    bought: int = 0
    sold: int = 0
    title: str = ""


def profit_by_leader(
    values: Values, positions: Sequence[Position], trades: Iterable[TradeBooked], names: Callable[[str], str]
) -> tuple[LotProfit, ...]:
    """Return what each leader brought, the most first; `names` is his label or ''."""
    kept = _sums(trades, lambda trade: trade.leader)
    whole = _is_whole(values, kept)
    leaders = {name.removeprefix(_LEADER) for name in values if name.startswith(_LEADER)}
    leaders |= {position.leader for position in positions} | kept.keys()
    realized = {leader: values.get(_LEADER + leader, 0) for leader in leaders}
    rows = [
        _row(
            leader,
            names(leader),
            realized[leader],
            [one for one in positions if one.leader == leader],
            kept[leader] if whole else None,
        )
        for leader in leaders
    ]
    return _with_rest(rows, values.get(REALIZED, 0))


def profit_by_market(
    values: Values, positions: Sequence[Position], trades: Iterable[TradeBooked]
) -> tuple[LotProfit, ...]:
    """Return what each market brought, as far back as trades are kept, the most first."""
    kept = _sums(trades, lambda trade: trade.condition_id)
    whole = _is_whole(values, kept)
    titles = {one.condition_id: one.title for one in positions}
    rows = [
        _row(
            condition,
            kept[condition].title or titles.get(condition, ""),
            kept[condition].realized,
            [one for one in positions if one.condition_id == condition],
            kept[condition] if whole else None,
        )
        for condition in {*kept, *titles}
    ]
    return _with_rest(rows, values.get(REALIZED, 0))


def _sums(trades: Iterable[TradeBooked], of: Callable[[TradeBooked], str]) -> dict[str, _Sums]:
    sums: dict[str, _Sums] = defaultdict(_Sums)
    for trade in trades:
        one = sums[of(trade)]
        one.realized += trade.realized
        one.fees += trade.fee
        one.bought += trade.cost if trade.kind == "BUY" else 0
        one.sold += 0 if trade.kind == "BUY" else trade.usdc - trade.fee
        one.title = one.title or trade.title
    return sums


def _is_whole(values: Values, sums: Mapping[str, _Sums]) -> bool:
    """Say whether the trades that are kept are all there ever were: they come to the ledger's own totals."""
    realized, fees = (sum(getattr(one, name) for one in sums.values()) for name in ("realized", "fees"))
    return realized == values.get(REALIZED, 0) and fees == values.get(FEES, 0)


def _row(name: str, title: str, realized: int, held: Sequence[Position], sums: _Sums | None) -> LotProfit:
    open_values = [one.unrealized for one in held]
    unknown = any(value is None for value in open_values)
    return LotProfit(
        name=name,
        title=title,
        realized=Usdc(realized),
        unrealized=None if unknown else Usdc(sum(value or 0 for value in open_values)),
        fees=Usdc(sums.fees) if sums else None,
        bought=Usdc(sums.bought) if sums else None,
        sold=Usdc(sums.sold) if sums else None,
        lots=len(held),
    )


def _with_rest(rows: list[LotProfit], realized: int) -> tuple[LotProfit, ...]:
    """Return the rows, the best first, and what the ledger realized beside them."""
    ordered = sorted(rows, key=lambda row: (-row.realized, row.name))
    rest = realized - sum(row.realized for row in rows)
    return (*ordered, LotProfit(name="", title="", realized=Usdc(rest))) if rest else tuple(ordered)
