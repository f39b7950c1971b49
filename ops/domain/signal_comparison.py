"""The comparison of what the venue shows of leaders' trades with what was signalled. Pure.

Both sides are multisets of amounts for each leader, transaction, token and side, compared to the micro-unit. A signal
that was published in parts may hold several fills in one piece, so equal sums are equal too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.polymarket.wire.trade_amounts import price_doubt_micro

Amounts = Counter[tuple[int, int]]
"""(shares, usdc) in micro-units: how often."""
SHOWN = 20
"""Findings of each kind that a report lists."""


class ComparedKey(NamedTuple):
    """What one signal is about."""

    leader: str
    tx_hash: str
    token_id: str
    side: str


@dataclass(frozen=True)
class SignalledFill:
    """What the streams hold."""

    signals: tuple[ActionableSignal, ...]
    confirmed: tuple[FillConfirmed, ...] = ()
    retracted: tuple[FillRetracted, ...] = ()


@dataclass(frozen=True)
class AuditSpan:
    """The trades that are judged: from each leader's own start up to one end, or its own, in epoch milliseconds."""

    starts_ms: Mapping[str, int]
    end_ms: int
    ends_ms: Mapping[str, int] = field(default_factory=dict[str, int])
    """When those were unfollowed whom nobody follows any more."""

    def holds(self, leader: str, traded_at_ms: int) -> bool:
        """Say whether a trade is judged."""
        end_ms = min(self.end_ms, self.ends_ms.get(leader, self.end_ms))
        return leader in self.starts_ms and self.starts_ms[leader] <= traded_at_ms < end_ms


@dataclass(frozen=True)
class AuditFinding:
    """One key that differs, and by how many fills."""

    kind: str
    key: ComparedKey
    fills: int


@dataclass(frozen=True)
class ShownFill:
    """One source's share of the signalled keys: every key is in exactly one of the three."""

    first: int = 0
    confirmed: int = 0
    never: int = 0


@dataclass(frozen=True)
class SignalComparison:
    """The result: counts of fills out of `fills`; lags are from the trade to the publish, of `signals` signals."""

    fills: int
    signals: int
    missed: int
    doubled: int
    wrong: int
    unknown: int
    retracted: int
    late: int
    lags_ms: tuple[int, ...]
    sources: Mapping[str, ShownFill] = field(default_factory=dict[str, ShownFill])
    findings: tuple[AuditFinding, ...] = ()

    @property
    def miss_rate(self) -> float:
        """Return the share of the venue's fills that were never signalled."""
        return self.missed / self.fills if self.fills else 0.0

    @property
    def clean(self) -> bool:
        """Say whether nothing was missed and nothing doubled."""
        return not (self.missed or self.doubled)

    def lag_ms(self, percent: float) -> int | None:
        """Return a percentile of the lags."""
        place = min(len(self.lags_ms) - 1, int(len(self.lags_ms) * percent / 100))
        return self.lags_ms[place] if self.lags_ms else None


def compare_signals(
    shown: Iterable[LeaderFill], sighted: SignalledFill, span: AuditSpan, late_ms: int
) -> SignalComparison:
    """Compare what the venue shows now with what is on the streams; merges are no trades and not judged.

    Args:
        shown: The venue's rows of the leaders, read widely: rows outside the span only explain signals.
        sighted: The streams' events, read widely too.
        span: Which trades are judged.
        late_ms: From which lag on a signal counts as late.
    """
    rows = list(shown)
    want, times = _wanted(rows)
    signals = [signal for signal in sighted.signals if signal.cause == "TRADE"]
    have = _had(signals)
    judged = {key for key in want if span.holds(key.leader, times[key])}
    strangers = {
        _key(signal)
        for signal in signals
        if _key(signal) not in want and span.holds(signal.leader, signal.traded_at_ms)
    }
    removed = {_key(event) for event in sighted.retracted}
    findings = [
        *(found for key in sorted(judged) for found in _compare(key, want[key], have.get(key, Counter()))),
        *(AuditFinding(_strange(key, removed), key, have[key].total()) for key in sorted(strangers)),
    ]
    ours = [signal for signal in signals if _key(signal) in judged]
    return _summed(sum(want[key].total() for key in judged), ours, sighted.confirmed, findings, late_ms)


def _summed(
    fills: int,
    signals: list[ActionableSignal],
    confirmed: tuple[FillConfirmed, ...],
    findings: list[AuditFinding],
    late_ms: int,
) -> SignalComparison:
    counts: Counter[str] = Counter()
    for found in findings:
        counts[found.kind] += found.fills
    lags = sorted(signal.emitted_at_ms - signal.traded_at_ms for signal in signals)
    return SignalComparison(
        fills=fills,
        signals=len(signals),
        missed=counts["missed"],
        doubled=counts["doubled"],
        wrong=counts["wrong"],
        unknown=counts["unknown"],
        retracted=counts["retracted"],
        late=sum(lag >= late_ms for lag in lags),
        lags_ms=tuple(lags),
        sources=_sights(signals, confirmed),
        findings=tuple(findings),
    )


def _wanted(rows: list[LeaderFill]) -> tuple[dict[ComparedKey, Amounts], dict[ComparedKey, int]]:
    want: dict[ComparedKey, Amounts] = {}
    times: dict[ComparedKey, int] = {}
    for row in rows:
        key = _key(row)
        want.setdefault(key, Counter())[row.shares_micro, row.usdc_micro] += 1
        times[key] = row.traded_at_ms
    return want, times


def _had(signals: Iterable[ActionableSignal]) -> dict[ComparedKey, Amounts]:
    have: dict[ComparedKey, Amounts] = {}
    for signal in signals:
        amounts = have.setdefault(_key(signal), Counter())
        for fill in signal.fills:
            amounts[fill.shares, fill.usdc] += 1
    return have


def _key(of: LeaderFill | ActionableSignal | FillRetracted) -> ComparedKey:
    return ComparedKey(of.leader, of.tx_hash, of.token_id, of.side)


def _is_same(want: Amounts, have: Amounts) -> bool:
    """Say whether both come to the same: a price of 10 decimals leaves the collateral of large fills open (a push)."""
    (shares, usdc), (had_shares, had_usdc) = _sum(want), _sum(have)
    doubt = sum(count * price_doubt_micro(amount[0]) for amount, count in want.items())
    return shares == had_shares and abs(usdc - had_usdc) <= doubt


def _compare(key: ComparedKey, want: Amounts, have: Amounts) -> list[AuditFinding]:
    if want == have or _is_same(want, have):
        return []
    lacking, extra = want - have, have - want
    pairs = min(lacking.total(), extra.total())
    rest = lacking.total() - extra.total()
    found = [
        AuditFinding("wrong", key, pairs),
        AuditFinding("missed", key, max(0, rest)),
        AuditFinding("doubled", key, max(0, -rest)),
    ]
    return [each for each in found if each.fills]


def _sum(amounts: Amounts) -> tuple[int, int]:
    shares = sum(amount[0] * count for amount, count in amounts.items())
    return shares, sum(amount[1] * count for amount, count in amounts.items())


def _strange(key: ComparedKey, removed: set[ComparedKey]) -> str:
    """Say what a signal is whose trade the venue does not show: taken back by the chain, or nobody knows."""
    return "retracted" if key in removed else "unknown"


def _sights(signals: list[ActionableSignal], confirmed: tuple[FillConfirmed, ...]) -> dict[str, ShownFill]:
    first: dict[ComparedKey, str] = {}
    later: dict[ComparedKey, set[str]] = {}
    by_id: dict[str, ComparedKey] = {}
    for signal in sorted(signals, key=lambda item: item.part):
        by_id[signal.id] = key = _key(signal)
        names = [seen.source for seen in sorted(signal.seen_by, key=lambda seen: seen.seen_at_ms)]
        first.setdefault(key, names[0])
        later.setdefault(key, set()).update(names)
    for event in confirmed:
        if event.signal_id in by_id:
            later[by_id[event.signal_id]].add(event.source)
    names = sorted({name for sources in later.values() for name in sources})
    return {name: _sight(name, first, later) for name in names}


def _sight(name: str, first: Mapping[ComparedKey, str], later: Mapping[ComparedKey, set[str]]) -> ShownFill:
    led = sum(source == name for source in first.values())
    followed = sum(name in sources and first[key] != name for key, sources in later.items())
    return ShownFill(led, followed, len(first) - led - followed)
