"""The verdict on a result, in plain words, as far as the data can tell. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from backtest.results.bootstrap_interval import SURE, BootstrapInterval
from backtest.results.result import BacktestResult, CannotTell
from shared.domain.money import MICRO

FEWEST_MARKETS = 20
"""Fewer bets than this say nothing, whatever they brought."""

MOST_BLIND = Decimal("0.5")
"""A gain does not count where more than this share of orders has no price known after the leader's."""

MODELLED = "the book that an order met"
BLIND = "how the price moved"


@dataclass(frozen=True)
class ResultVerdict:
    """`word` for machines; `title` and `reasons` for people."""

    word: Literal["lost", "gained", "cannot tell"]
    title: str
    reasons: tuple[str, ...]


def judge_result(result: BacktestResult, likely: BootstrapInterval) -> ResultVerdict:
    """Judge one run; `likely` is the bootstrap interval of its PnL over markets."""
    reasons = tuple(_doubts(result, likely))
    if likely.high < 0 and len(result.markets) >= FEWEST_MARKETS:
        return ResultVerdict("lost", "Following lost money.", (_span(likely), *reasons))
    if reasons:
        return ResultVerdict("cannot tell", "This cannot tell whether following pays.", reasons)
    past = "This is the past of these markets with these assumptions, and no promise."
    return ResultVerdict("gained", "Following made money here.", (_span(likely), past))


def _doubts(result: BacktestResult, likely: BootstrapInterval) -> list[str]:
    found: list[str] = []
    if len(result.markets) < FEWEST_MARKETS:
        found.append(f"Only {len(result.markets)} markets were traded; fewer than {FEWEST_MARKETS} say nothing.")
    if not likely.tells:
        found.append(f"Luck alone explains it: {_span(likely)}")
    blind = next((doubt for doubt in result.cannot_tell if doubt.what.startswith(BLIND)), None)
    if blind and blind.share > MOST_BLIND:
        found.append(f"For {doubt_percent(blind)} of orders nobody knows how the price moved before ours arrived.")
    unrealized = result.pnl - result.realized
    if result.open and abs(unrealized) > abs(result.realized):
        found.append(f"Most of it is not paid yet: {signed_usd(unrealized)} pUSD is what open positions might bring.")
    return found


def _span(likely: BootstrapInterval) -> str:
    return (
        f"with the same skill and other luck, {SURE:.0%} of the time the result lies between {signed_usd(likely.low)} "
        f"and {signed_usd(likely.high)} pUSD."
    )


def doubt_percent(doubt: CannotTell) -> str:
    """Return the share of trades that a question concerns."""
    return f"{doubt.share:.0%}" if doubt.share >= Decimal("0.01") else "under 1%"


def usd_text(micro: int, *, sign: str = "-") -> str:
    """Return micro-units as pUSD with cents."""
    return format(Decimal(micro) / MICRO, f"{sign},.2f").replace("-", "−")  # noqa: RUF001 - a minus sign, for people


def signed_usd(micro: int) -> str:
    """Return micro-units as pUSD with cents and a sign, which 0 has none of."""
    return usd_text(micro, sign="+") if micro else "0.00"


def rate_text(part: int, whole: int) -> str:
    """Return a share in percent with its sign, a dash where there is no whole."""
    if not whole:
        return "—"
    return format(Decimal(part) / whole, "+.1%").replace("-", "−")  # noqa: RUF001
