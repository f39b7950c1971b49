"""The ranked table: what each wallet's report says, best first, and how many of them luck alone would show. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from backtest.results.bootstrap_interval import SURE
from backtest.results.copyability import CONCENTRATED
from backtest.results.trader_profile import TOP, TWO_SIDED
from backtest.results.verdict import FEWEST_MARKETS
from ops.discovery.domain.candidate import Candidate
from shared.domain.value import Value

Report = Mapping[str, Any]
"""A report on copyability as JSON values, as `hybrid wallet --json` prints it."""
ORDER = ("it paid", "only fast", "cannot tell", "no")
"""The verdicts, best first."""
_NO_FIGURE = Decimal("-Infinity")


class DelayFigures(Value, frozen=True, kw_only=True):
    """What following at one delay brought, in pUSD; `low` and `high` bound what luck alone makes of it."""

    delay_s: float
    verdict: str
    pnl: Decimal
    low: Decimal
    high: Decimal
    spent: Decimal


class RankedWallet(Value, frozen=True, kw_only=True):
    """One line of the table."""

    place: int
    address: str
    name: str
    found: tuple[str, ...]
    verdict: str
    conduct: str
    why: str
    trades: int
    markets: int
    volume: Decimal
    delays: tuple[DelayFigures, ...]


def ranked(judged: Iterable[tuple[Candidate, Report]]) -> list[RankedWallet]:
    """Rank wallets: by verdict, then by the least that the longest delay brought on what it spent, luck against us."""
    ordered = sorted(judged, key=lambda pair: _order(pair[1]))
    return [_line(place, candidate, report) for place, (candidate, report) in enumerate(ordered, start=1)]


def chance_text(reports: Sequence[Report]) -> str:
    """Return how many wallets would pass by luck alone: who looks at many finds some."""
    told = sum(_markets_followed(report) >= FEWEST_MARKETS for report in reports)
    lucky = Decimal(told) * (1 - Decimal(str(SURE))) / 2
    passed = sum(report["verdict"] in ORDER[:2] for report in reports)
    return (
        f"{len(reports)} wallets were judged, {told} of them by {FEWEST_MARKETS} markets or more; {passed} passed. By "
        f"luck alone up to {lucky:.1f} of {told} would. This is about past trades, and promises nothing."
    )


def _order(report: Report) -> tuple[int, Decimal]:
    delays = _delays(report)
    last = delays[-1] if delays else None
    return ORDER.index(report["verdict"]), -(last.low / last.spent if last and last.spent else _NO_FIGURE)


def _line(place: int, candidate: Candidate, report: Report) -> RankedWallet:
    conduct = report["conduct"]
    return RankedWallet(
        place=place,
        address=candidate.address,
        name=candidate.name,
        found=candidate.found,
        verdict=report["verdict"],
        conduct=_conduct_text(conduct),
        why=next(iter(report["reasons"]), report["title"]),
        trades=conduct["trades"],
        markets=conduct["markets"],
        volume=Decimal(conduct["volume"]),
        delays=_delays(report),
    )


def _conduct_text(conduct: Mapping[str, Any]) -> str:
    """Return how a wallet trades, where that alone is a reason: makers and arbitrage earn what a follower pays."""
    if conduct["makes_markets"]:
        return "makes markets"
    if Decimal(conduct["two_sided"]) >= TWO_SIDED:
        return "both sides"
    few = Decimal(conduct["concentration"]) >= CONCENTRATED and conduct["markets"] > TOP
    return "few bets" if few else ""


def _delays(report: Report) -> tuple[DelayFigures, ...]:
    return tuple(
        DelayFigures(
            delay_s=delay["delay_s"],
            verdict=delay["verdict"],
            pnl=Decimal(delay["pnl"]),
            low=Decimal(delay["low"]),
            high=Decimal(delay["high"]),
            spent=Decimal(delay["spent"]),
        )
        for delay in report["delays"]
    )


def _markets_followed(report: Report) -> int:
    return max((delay["markets"] for delay in report["delays"]), default=0)
