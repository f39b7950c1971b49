"""The verdict on a result, in plain words, as far as the data can tell. Pure."""

from dataclasses import dataclass
from typing import Literal

from backtest.results.amount_words import signed_usd
from backtest.results.bootstrap_interval import SURE, BootstrapInterval
from backtest.results.doubts.verdict_doubts import nothing_paid, result_doubts
from backtest.results.result import BacktestResult

FEWEST_MARKETS = 20
"""Fewer bets than this say nothing, whatever they brought."""


@dataclass(frozen=True)
class ResultVerdict:
    """`word` for machines; `title` and `reasons` for people."""

    word: Literal["lost", "gained", "cannot tell"]
    title: str
    reasons: tuple[str, ...]


def judge_result(result: BacktestResult, likely: BootstrapInterval) -> ResultVerdict:
    """Judge one run; `likely` is the bootstrap interval of its PnL over markets. A doubt weakens a loss as a gain."""
    luck = f"with the same skill and other luck, {SURE:.0%} of the time the result lies between "
    luck += f"{signed_usd(likely.low)} and {signed_usd(likely.high)} pUSD."
    doubts = result_doubts(result)
    if not likely.tells and not nothing_paid(result):
        doubts.insert(0, f"Luck alone explains it: {luck}")
    if len(result.markets) < FEWEST_MARKETS:
        traded = "1 market was" if len(result.markets) == 1 else f"{len(result.markets)} markets were"
        doubts.insert(0, f"Only {traded} traded; fewer than {FEWEST_MARKETS} say nothing.")
    if doubts:
        return ResultVerdict("cannot tell", "This cannot tell whether following pays.", tuple(doubts))
    past = "This is the past of these markets with these assumptions, and no promise."
    if likely.high < 0:
        return ResultVerdict("lost", "Following lost money here.", (luck, past))
    return ResultVerdict("gained", "Following made money here.", (luck, past))
