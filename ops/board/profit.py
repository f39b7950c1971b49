"""Profit and loss by span and day, from the ledger's own accounts: it adds up to them to the micro-unit. Pure.

A span's change of what is not realized is the change of the whole account since the last point of the line of equity at
or before its beginning, less what was realized in it: deposits left out, nothing is counted twice.
"""

from collections.abc import Iterable, Mapping

from ops.board.money_rows import DayProfit, PnlSpan, Span
from shared.domain.ledger_accounts import DAY_MS, FEES, REALIZED, days_accounts
from shared.domain.money import Usdc
from shared.messages.account import EquityPoint

Values = Mapping[str, int]
DAYS: dict[Span, int] = {"today": 1, "7d": 7, "30d": 30}
"""How many UTC days a span has, today's included."""
MOST_OLD_MS = 7 * DAY_MS
"""A point of the line older than this before a span's beginning says nothing of that beginning."""
_PNL, _FEES, _SPENT = "pnl:", "fees:", "day:"


def span_starts(now_ms: int) -> dict[Span, int]:
    """Return when each span but `all` began: at 00:00 UTC of its first day."""
    today = now_ms // DAY_MS
    return {span: (today - days + 1) * DAY_MS for span, days in DAYS.items()}


def profit_spans(
    values: Values,
    unrealized: Usdc | None,
    now_ms: int,
    points: Mapping[Span, EquityPoint | None],
) -> tuple[PnlSpan, ...]:
    """Return profit and loss of today, 7 and 30 days, and of all time.

    Args:
        values: Every account of the ledger.
        unrealized: How far open lots stand above their cost now; None where nobody knows.
        now_ms: The time.
        points: The last point of the line of equity at or before each span's beginning.
    """
    starts = span_starts(now_ms)
    spans = [_span(span, starts[span], values, unrealized, points.get(span), now_ms) for span in DAYS]
    whole = PnlSpan(
        span="all", realized=Usdc(values.get(REALIZED, 0)), unrealized=unrealized, fees=Usdc(values.get(FEES, 0))
    )
    return (*spans, whole)


def daily_profit(values: Values) -> tuple[DayProfit, ...]:
    """Return every day on which something was spent, realized or paid in fees, the newest first.

    What was booked before days were kept stands last, as the day ''; so the days always add up to the ledger.
    """
    days = sorted({name.partition(":")[2] for name in values if name.startswith((_PNL, _FEES, _SPENT))}, reverse=True)
    rows = [
        DayProfit(
            day=f"{day[:4]}-{day[4:6]}-{day[6:]}",
            realized=Usdc(values.get(_PNL + day, 0)),
            fees=Usdc(values.get(_FEES + day, 0)),
            spent=Usdc(values.get(f"day:{day}", 0)),
        )
        for day in days
    ]
    realized = values.get(REALIZED, 0) - sum(row.realized for row in rows)
    fees = values.get(FEES, 0) - sum(row.fees for row in rows)
    before = DayProfit(day="", realized=Usdc(realized), fees=Usdc(fees))
    return (*rows, before) if realized or fees else tuple(rows)


def _span(
    span: Span,
    start_ms: int,
    values: Values,
    unrealized: Usdc | None,
    point: EquityPoint | None,
    now_ms: int,
) -> PnlSpan:
    numbers = range(start_ms // DAY_MS, now_ms // DAY_MS + 1)
    realized = sum(values.get(days_accounts(number)[1], 0) for number in numbers)
    before = 0 if _began_in(values, numbers[0]) else _gain_at(start_ms, point)
    change = None
    if unrealized is not None and before is not None:
        change = Usdc(values.get(REALIZED, 0) + unrealized - before - realized)
    return PnlSpan(span=span, realized=Usdc(realized), unrealized=change, fees=_fees(values, numbers))


def _began_in(values: Values, first_day: int) -> bool:
    """Say whether nothing was ever spent or realized before a day: then the account stood at what was put in."""
    first = days_accounts(first_day)[0].partition(":")[2]
    days = [name.partition(":")[2] for name in values if name.startswith((_PNL, _FEES, _SPENT))]
    booked = sum(value for name, value in values.items() if name.startswith(_PNL))
    return all(day >= first for day in days) and booked == values.get(REALIZED, 0)


def _gain_at(start_ms: int, point: EquityPoint | None) -> int | None:
    """Return how far the account stood above what was put in when a span began; None where nobody knows."""
    if point is None or point.equity is None or start_ms - point.at_ms > MOST_OLD_MS:
        return None
    return point.equity - point.deposited


def _fees(values: Values, numbers: Iterable[int]) -> Usdc | None:
    """Return a span's fees; None where it reaches back to days whose fees were not kept by day."""
    kept = {name: value for name, value in values.items() if name.startswith(_FEES)}
    names = [days_accounts(number)[2] for number in numbers]
    whole = values.get(FEES, 0) == sum(kept.values())
    if not whole and not (kept and min(names) > min(kept)):
        return None
    return Usdc(sum(kept.get(name, 0) for name in names))
