"""A shadow beside the real buyer over the same time: market by market, and how far luck carries the difference. Pure.

The difference is drawn again by markets (`backtest/results/bootstrap_interval`): what both did in a market wins and
loses together, so most of the luck that both share falls out of it.
"""

from typing import Literal

from backtest.results.amount_words import signed_usd
from backtest.results.bootstrap_interval import SURE, BootstrapInterval, bootstrap_interval
from backtest.results.verdict import FEWEST_MARKETS
from ops.shadow.domain.book_result import BookResult
from shared.domain.money import Usdc
from shared.domain.value import Value

Verdict = Literal["better", "worse", "cannot tell"]


class ShadowLine(Value, frozen=True, kw_only=True):
    """One shadow's result beside the real buyer's, in micro-units; `low` and `high` bound what luck makes of a sum.

    `gain` is the shadow's result less the real one's over the markets of both.
    """

    name: str
    changes: str
    since_ms: int
    running: bool
    backlog: int
    buys: int
    spent: Usdc
    markets: int
    pnl: Usdc
    low: Usdc
    high: Usdc
    real_buys: int
    real_spent: Usdc
    real_pnl: Usdc
    gain: Usdc
    gain_low: Usdc
    gain_high: Usdc
    verdict: Verdict
    why: tuple[str, ...]


def compare_books(
    name: str, changes: str, shadow: BookResult, real: BookResult, *, running: bool, backlog: int
) -> ShadowLine:
    """Compare a shadow with the real buyer since the shadow began."""
    alone = bootstrap_interval(list(shadow.markets.values()))
    differences = _differences(shadow, real)
    likely = bootstrap_interval(differences)
    reasons = tuple(_doubts(shadow, real, len(differences), likely))
    gain = sum(differences)
    verdict: Verdict = "cannot tell" if reasons else "better" if gain > 0 else "worse"
    return ShadowLine(
        name=name,
        changes=changes,
        since_ms=shadow.since_ms,
        running=running,
        backlog=backlog,
        buys=shadow.buys,
        spent=shadow.spent,
        markets=len(shadow.markets),
        pnl=Usdc(shadow.pnl),
        low=Usdc(alone.low),
        high=Usdc(alone.high),
        real_buys=real.buys,
        real_spent=real.spent,
        real_pnl=Usdc(real.pnl),
        gain=Usdc(gain),
        gain_low=Usdc(likely.low),
        gain_high=Usdc(likely.high),
        verdict=verdict,
        why=(*reasons, *_left_out(shadow, real)),
    )


def _differences(shadow: BookResult, real: BookResult) -> list[int]:
    """Return the difference in each market that counts on both sides; one that only one of them entered is 0 there."""
    counted = {*shadow.markets, *real.markets} - _uncounted(shadow, real)
    return [shadow.markets.get(market, 0) - real.markets.get(market, 0) for market in sorted(counted)]


def _uncounted(shadow: BookResult, real: BookResult) -> frozenset[str]:
    return shadow.unknown | real.unknown | real.before


def _doubts(shadow: BookResult, real: BookResult, markets: int, likely: BootstrapInterval) -> list[str]:
    found: list[str] = []
    if markets < FEWEST_MARKETS:
        found.append(f"Only {markets} markets were traded by either; fewer than {FEWEST_MARKETS} say nothing.")
    if not likely.tells:
        found.append(
            f"Luck alone explains the difference: with other luck, {SURE:.0%} of the time it lies between "
            f"{signed_usd(likely.low)} and {signed_usd(likely.high)} pUSD."
        )
    if not (shadow.whole and real.whole):
        found.append("Trades of this time are not kept any more (KEEP_TRADES).")
    if 2 * len(shadow.unknown | real.unknown) > markets:
        found.append("Of most markets nobody knows what is held brings now.")
    return found


def _left_out(shadow: BookResult, real: BookResult) -> list[str]:
    """Say what does not count."""
    unknown, before = len(shadow.unknown | real.unknown), len(real.before)
    found: list[str] = []
    if unknown:
        found.append(f"Left out, without a mark: {unknown} markets.")
    if before:
        found.append(f"Left out, entered by the real buyer before: {before} markets.")
    return found
