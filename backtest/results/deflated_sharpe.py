"""The deflated Sharpe ratio, which says how much of the best of many tries is luck. Pure.

Bailey, D. H. and Lopez de Prado, M. (2014), "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest
Overfitting, and Non-Normality", Journal of Portfolio Management 40 (5). Their observation is a day's return; ours is a
market's result, since a market is the bet that wins or loses as a whole and a history of two days has two days.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

EULER = 0.5772156649015329
CONVINCING = 0.95
FEWEST = 3
_NORMAL = NormalDist()


@dataclass(frozen=True)
class ReturnMoments:
    """The shape of a run's results by market: `kurtosis` is 3 for normal ones."""

    count: int
    mean: float
    deviation: float
    skew: float
    kurtosis: float

    @property
    def sharpe(self) -> float:
        """Return mean over deviation, by bet; 0 where nothing varies."""
        return self.mean / self.deviation if self.deviation else 0.0


def return_moments(values: Sequence[float]) -> ReturnMoments:
    """Return the moments of some results."""
    if len(values) < FEWEST:
        return ReturnMoments(len(values), fmean(values) if values else 0.0, 0.0, 0.0, 3.0)
    mean = fmean(values)
    second, third, fourth = (fmean((value - mean) ** power for value in values) for power in (2, 3, 4))
    if not (second**2):  # so little that there is nothing to divide by
        return ReturnMoments(len(values), mean, 0.0, 0.0, 3.0)
    return ReturnMoments(len(values), mean, math.sqrt(second), third / second**1.5, fourth / second**2)


def lucky_sharpe(trials: int, spread: float) -> float:
    """Return the Sharpe ratio that the best of `trials` without any skill is expected to show.

    `spread` is the variance of the trials' Sharpe ratios (the paper's equation 1).
    """
    if trials < 2:  # noqa: PLR2004 - a single try was not selected
        return 0.0
    first = _NORMAL.inv_cdf(1 - 1 / trials)
    second = _NORMAL.inv_cdf(1 - 1 / (trials * math.e))
    return math.sqrt(spread) * ((1 - EULER) * first + EULER * second)


def probability_above(best: ReturnMoments, lucky: float) -> float:
    """Return the probability that the true Sharpe ratio is above `lucky` (the paper's equation 2)."""
    if best.count < FEWEST or not best.deviation:
        return 0.0
    ratio = best.sharpe
    width = 1 - best.skew * ratio + (best.kurtosis - 1) / 4 * ratio**2
    if width <= 0:
        return 0.0
    return _NORMAL.cdf((ratio - lucky) * math.sqrt(best.count - 1) / math.sqrt(width))


@dataclass(frozen=True)
class DeflatedSharpe:
    """The first of `trials`: its Sharpe ratio by market, what luck alone would show, and how sure skill is."""

    trials: int
    sharpe: float
    lucky: float
    probability: float

    @property
    def convincing(self) -> bool:
        """Say whether it is more than luck with the usual certainty."""
        return self.probability >= CONVINCING

    def __str__(self) -> str:
        said = (
            f"The first of {self.trials} tries shows a Sharpe ratio of {self.sharpe:.3f} by market; the best of as "
            f"many tries without any skill is expected to show {self.lucky:.3f}. Probability that it is more than "
            f"luck: {self.probability:.0%} (deflated Sharpe ratio)."
        )
        warning = "Choosing it is choosing luck: test it on another history before you believe it."
        return said if self.convincing else f"{said} {warning}"


def deflated_sharpe(best: ReturnMoments, sharpes: Sequence[float]) -> DeflatedSharpe:
    """Judge the trial that was chosen among some by all their Sharpe ratios."""
    spread = variance(sharpes) if len(sharpes) > 1 else 0.0
    lucky = lucky_sharpe(len(sharpes), spread)
    return DeflatedSharpe(len(sharpes), best.sharpe, lucky, probability_above(best, lucky))
