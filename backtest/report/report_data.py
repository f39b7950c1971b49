"""Data that the report draws and lists, taken from a result. Pure."""

from collections import defaultdict
from typing import NamedTuple

from backtest.results.result import BacktestResult, SignalOutcome, SilencedSpan
from backtest.settings import moment_text
from shared.domain.money import MICRO

SHOWN = 10
"""Markets shown from each end."""
CENT = 10_000
MOST_SILENCES = 8
"""Stops that are told, those first that kept most out; the JSON holds all."""


class DataShare(NamedTuple):
    """A named amount; `good` where it counts as success."""

    name: str
    amount: int
    good: bool = True


class ReturnBins(NamedTuple):
    """What each pUSD spent returned, as a ratio for a picture."""

    name: str
    ours: float
    theirs: float


def short(address: str) -> str:
    """Return an address as people compare it."""
    return f"{address[:6]}…{address[-4:]}"


def returns(result: BacktestResult) -> list[ReturnBins]:
    """Return each leader's and our return, the best leader first."""
    rows = [
        ReturnBins(short(row.leader), _ratio(row.ours.pnl, row.ours.spent), _ratio(row.theirs.pnl, row.theirs.spent))
        for row in result.leaders
    ]
    return sorted(rows, key=lambda row: row.theirs)


def worst_and_best(result: BacktestResult) -> list[DataShare]:
    """Return the markets that brought most, then those that cost most."""
    rows = sorted(
        (DataShare(row.title or row.condition_id, row.ours.pnl) for row in result.markets), key=lambda r: -r[1]
    )
    return rows if len(rows) <= 2 * SHOWN else rows[:SHOWN] + rows[-SHOWN:]


def categories(result: BacktestResult) -> list[DataShare]:
    """Return PnL by category; what nobody recorded stands under its own name."""
    sums: dict[str, int] = defaultdict(int)
    for row in result.markets:
        sums[row.category or "not recorded"] += row.ours.pnl
    return sorted((DataShare(name, amount) for name, amount in sums.items()), key=lambda row: -row.amount)


def beyond(result: BacktestResult) -> int:
    """Return what following cost beyond the leaders' own prices, in micro-units."""
    return result.costs.fees + result.costs.delay + result.costs.spread + result.costs.impact


def verdicts(result: BacktestResult) -> list[DataShare]:
    """Return what became of the signals: orders first, then skips by rule."""
    orders = [
        DataShare("filled", result.filled),
        DataShare("filled in part", result.partial),
        DataShare("ordered, nothing filled", result.missed, good=False),
    ]
    skips = [DataShare(f"skipped: {name.replace('_', ' ')}", count) for name, count in result.skips.items()]
    return [row for row in orders if row.amount] + sorted(skips, key=lambda row: -row.amount)


def silences(result: BacktestResult) -> list[str]:
    """Return the stops that silenced a run, in words."""
    told = [silence_text(span) for span in result.silenced[:MOST_SILENCES]]
    more = len(result.silenced) - len(told)
    return told + ([f"and {more:,} more stops, each of which kept fewer out"] if more else [])


def silence_text(span: SilencedSpan) -> str:
    """Return what a stop kept out, since when and why, and how it is widened."""
    whose = f" of {short(span.leader)}" if span.leader else ""
    until = "to the end" if span.to_end else "for a time"
    name, _, value = span.setting.partition("=")
    widens = f"--set {name}=..." if value else f"--{name} ..." if name else ""
    now = f" (now {value})" if value else ""
    return (
        f"{span.rule.replace('_', ' ')}{whose}, {until} from {moment_text(span.since_ms)} UTC: {span.why}; "
        f"trades not followed because of it: {span.trades:,}" + (f"; {widens}{now} widens it" if widens else "")
    )


def slippages(result: BacktestResult) -> list[float]:
    """Return, for each order that was filled, how many cents a share it was worse than the leader's price."""
    return [_worse(outcome) / CENT for outcome in result.outcomes if outcome.shares]


def delays_s(result: BacktestResult) -> list[float]:
    """Return, for each order, the seconds from the leader's trade to our order at the book."""
    return [(outcome.filled_at_ms - outcome.traded_at_ms) / 1000 for outcome in result.outcomes if outcome.filled_at_ms]


def _worse(outcome: SignalOutcome) -> float:
    price = outcome.usdc * MICRO / outcome.shares
    return price - outcome.leader_price if outcome.side == "BUY" else outcome.leader_price - price


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
