"""The judgement whether following a leader would have paid, over several delays. Pure; it promises nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from backtest.results.amount_words import signed_usd, usd_text
from backtest.results.bootstrap_interval import BootstrapInterval
from backtest.results.doubts.hidden_trades import hidden_text
from backtest.results.doubts.verdict_doubts import nothing_paid
from backtest.results.result import BacktestResult
from backtest.results.three_numbers import three_numbers
from backtest.results.trader_profile import TOP, TWO_SIDED, TraderProfile
from backtest.results.verdict import ResultVerdict, judge_result

CONCENTRATED = Decimal("0.5")
NO_PROMISE = "Whatever it says, it is about these past trades under the stated assumptions; it promises nothing."


@dataclass(frozen=True)
class DelayedCopy:
    """Following at one delay, and how far luck carries its result."""

    delay_s: float
    result: BacktestResult
    likely: BootstrapInterval

    @property
    def verdict(self) -> ResultVerdict:
        """Judge this delay alone."""
        return judge_result(self.result, self.likely)

    @property
    def luck_text(self) -> str:
        """Return how far luck carries; nothing is known of that before anything is paid."""
        if nothing_paid(self.result):
            return "nothing paid yet"
        return f"{signed_usd(self.likely.low)} to {signed_usd(self.likely.high)}"

    @property
    def spent(self) -> int:
        """Return what was spent on buys, fees included."""
        return sum(row.ours.spent for row in self.result.leaders)

    @property
    def beyond(self) -> int:
        """Return what it cost beyond the leader's own prices."""
        costs = self.result.costs
        return costs.fees + costs.delay + costs.spread + costs.impact


@dataclass(frozen=True)
class Assessment:
    """`word` for machines, `title` and `reasons` for people."""

    word: Literal["no", "only fast", "it paid", "cannot tell"]
    title: str
    reasons: tuple[str, ...]


def assess_copyability(copies: Sequence[DelayedCopy], profile: TraderProfile) -> Assessment:
    """Judge following, from the shortest delay to the longest."""
    words = [copy.verdict.word for copy in copies]
    notes = (*_profile(profile), *_costs(copies), NO_PROMISE)
    if profile.makes_markets:
        hidden = [text for copy in copies[:1] if (text := hidden_text(copy.result))]
        return Assessment("no", "Not to be copied: this wallet makes markets.", (*hidden, *notes))
    if words and words[0] == "lost":
        return Assessment("no", "Following lost money, even at the shortest delay.", (*_reasons(copies[0]), *notes))
    if words and all(word == "gained" for word in words):
        return Assessment("it paid", "Following paid in this history, at every delay.", (*_reasons(copies[-1]), *notes))
    if words and words[0] == "gained":
        slow = next(copy for copy in copies if copy.verdict.word != "gained")
        title = f"Following paid in this history only faster than {slow.delay_s:g} s."
        return Assessment("only fast", title, (*_reasons(slow), *notes))
    reasons = _reasons(copies[0]) if copies else ()
    return Assessment("cannot tell", "These trades cannot tell whether following pays.", (*reasons, *notes))


def copyability_json(copies: Sequence[DelayedCopy], profile: TraderProfile) -> dict[str, Any]:
    """Return everything as plain JSON values; amounts are decimal strings."""
    found = assess_copyability(copies, profile)
    return {
        "event": "COPYABILITY",
        "leader": profile.leader,
        "verdict": found.word,
        "title": found.title,
        "reasons": list(found.reasons),
        "conduct": {
            "trades": profile.trades,
            "markets": len(profile.markets),
            "volume": _plain(profile.volume),
            "trades_a_day": profile.trades_a_day,
            "two_sided": str(profile.two_sided),
            "concentration": str(profile.concentration),
            "makes_markets": profile.makes_markets,
        },
        "delays": [_delay(copy) for copy in copies],
        "history": [reading.model_dump(mode="json") for reading in copies[0].result.history] if copies else [],
    }


def _delay(copy: DelayedCopy) -> dict[str, Any]:
    result = copy.result
    return {
        "delay_s": copy.delay_s,
        "verdict": copy.verdict.word,
        "pnl": _plain(result.pnl),
        "numbers": three_numbers(result).model_dump(mode="json"),
        "low": _plain(copy.likely.low),
        "high": _plain(copy.likely.high),
        "spent": _plain(copy.spent),
        "beyond_leader": _plain(copy.beyond),
        "fees": _plain(result.costs.fees),
        "orders": result.bought + result.sold,
        "filled": result.filled + result.partial,
        "markets": len(result.markets),
        "skips": result.skips,
        "theirs": [_plain(row.theirs.pnl) for row in result.leaders],
        "theirs_realized": [_plain(row.theirs.realized) for row in result.leaders],
        "theirs_unknown": [_plain(row.theirs.unknown) for row in result.leaders],
        "cannot_tell": {doubt.what: str(doubt.share) for doubt in result.cannot_tell},
    }


def _reasons(copy: DelayedCopy) -> tuple[str, ...]:
    return tuple(f"At {copy.delay_s:g} s: {reason[:1].lower()}{reason[1:]}" for reason in copy.verdict.reasons)


def _profile(profile: TraderProfile) -> list[str]:
    found: list[str] = []
    if profile.two_sided >= TWO_SIDED:
        found.append(
            f"It trades both sides: {profile.two_sided:.0%} of its volume is cancelled by its own opposite trades in "
            f"the same market, {profile.trades_a_day:,} trades a day. It earns the spread that a follower pays."
        )
    if profile.concentration >= CONCENTRATED and len(profile.markets) > TOP:
        found.append(
            f"{profile.concentration:.0%} of its volume is in {TOP} of {len(profile.markets)} markets: few bets decide."
        )
    return found


def _costs(copies: Sequence[DelayedCopy]) -> list[str]:
    if len(copies) < 2 or not copies[0].spent:  # noqa: PLR2004 - one delay compares with nothing
        return []
    costs = ", ".join(f"{usd_text(copy.beyond)} at {copy.delay_s:g} s" for copy in copies)
    return [f"Beyond the leader's own prices it cost {costs} (pUSD, fees and spread included)."]


def _plain(micro: int) -> str:
    return format(Decimal(micro).scaleb(-6), "f")
