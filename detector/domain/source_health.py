"""The health of sources, found out by comparing them: which of them can be believed (pitfall 9). Pure.

A fill that another source showed and this one did not, within the grace time, speaks against it; what it says of itself
does not count. The last fills decide, with different marks for going and coming back, so that nobody flaps. A source
that was demoted is compared with everybody; one that is well only with those that are well too, so that a source gone
wrong cannot take the others with it.
"""

from collections import OrderedDict, deque
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Verdict = Literal["ok", "late", "mute", "blind", "demoted"]
Mark = Literal["shown", "late", "missed"]
DEMOTED: frozenset[str] = frozenset({"late", "mute", "blind", "demoted"})


@dataclass(frozen=True, slots=True)
class HealthRules:
    """How sources are judged; times in milliseconds, `enough` and `sample` in fills."""

    grace_ms: int = 20_000
    window_ms: int = 600_000
    fresh_ms: int = 600_000
    most: int = 4096
    most_lags: int = 1024
    enough: int = 10
    sample: int = 40
    restore_sample: int = 20
    demote_below: float = 0.5
    restore_above: float = 0.8


class LagStats(NamedTuple):
    """Lags of the window's sights."""

    p50: int | None = None
    p95: int | None = None
    p99: int | None = None


class HealthChange(NamedTuple):
    """A source's verdict changed."""

    source: str
    was: Verdict
    now: Verdict
    coverage: float | None


@dataclass(slots=True)
class _SeenFill:
    """When each source showed one fill."""

    first_at_ms: int
    lag_ms: int
    seen: dict[str, int] = field(default_factory=dict[str, int])
    counted: bool = False


@dataclass(slots=True)
class _JudgedSource:
    """One source's marks and verdict; marks older than `from_ms` are forgiven."""

    verdict: Verdict = "ok"
    from_ms: int = 0
    agreed: bool = False
    shown_at_ms: int = 0
    missed: int = 0
    coverage: float | None = None
    lags: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])


class SourceHealth:
    """Compare sources over a sliding window of fills; one thread at a time."""

    def __init__(self, names: Iterable[str], rules: HealthRules | None = None) -> None:
        self._rules = rules or HealthRules()
        self._sources = {name: _JudgedSource(lags=deque(maxlen=self._rules.most_lags)) for name in names}
        self._fills: OrderedDict[Hashable, _SeenFill] = OrderedDict()

    def add_sight(self, source: str, key: Hashable, seen_at_ms: int, lag_ms: int) -> None:
        """Take in that a source showed a fill for the first time."""
        judged = self._sources[source]
        judged.shown_at_ms = max(judged.shown_at_ms, seen_at_ms)
        judged.lags.append((seen_at_ms, lag_ms))
        fill = self._fills.get(key)
        if fill is None:
            fill = self._fills[key] = _SeenFill(seen_at_ms, lag_ms)
            if len(self._fills) > self._rules.most:
                self._fills.popitem(last=False)
        fill.seen.setdefault(source, seen_at_ms)

    def judge(self, now_ms: int) -> list[HealthChange]:
        """Judge all sources by the fills whose grace time is over; return the verdicts that changed."""
        self._forget(now_ms)
        ripe = self._judgeable(now_ms)
        demoted = self.demoted
        changes: list[HealthChange] = []
        for name, source in self._sources.items():
            others = [other for other in self._sources if other != name]
            if source.verdict == "ok":
                # A source gone wrong must not take the others with it.
                others = [other for other in others if other not in demoted]
            if change := self._judge(name, source, ripe, others, now_ms):
                changes.append(change)
        for fill in ripe:
            fill.counted = True
        return changes

    @property
    def demoted(self) -> frozenset[str]:
        """Return the sources whose word counts for nothing now."""
        return frozenset(name for name, source in self._sources.items() if source.verdict in DEMOTED)

    def verdict(self, source: str) -> Verdict:
        """Return the last verdict."""
        return self._sources[source].verdict

    def coverage(self, source: str) -> float | None:
        """Return the share of others' fills in the window that this source showed in time; None without any."""
        return self._sources[source].coverage

    def missed_fills(self, source: str) -> int:
        """Return how many fills of others this source did not show in time, ever."""
        return self._sources[source].missed

    def lag_stats(self, source: str) -> LagStats:
        """Return the percentiles of the last lags."""
        found = sorted(lag for _, lag in self._sources[source].lags)
        if not found:
            return LagStats()
        return LagStats(*(found[min(len(found) - 1, len(found) * share // 100)] for share in (50, 95, 99)))

    def _judge(
        self, name: str, source: _JudgedSource, ripe: list[_SeenFill], others: Collection[str], now_ms: int
    ) -> HealthChange | None:
        marks: list[tuple[int, Mark]] = []
        for fill in ripe:
            mark = _mark(fill, name, others, self._rules.grace_ms)
            if mark is None:
                continue
            source.agreed = source.agreed or mark != "missed"
            source.missed += mark != "shown" and not fill.counted
            marks.append((fill.first_at_ms, mark))
        source.coverage = _share([mark for _, mark in marks])
        was, source.verdict = source.verdict, self._verdict(source, marks, now_ms)
        return HealthChange(name, was, source.verdict, source.coverage) if was != source.verdict else None

    def _verdict(self, source: _JudgedSource, marks: list[tuple[int, Mark]], now_ms: int) -> Verdict:
        rules = self._rules
        counted = [(at_ms, mark) for at_ms, mark in marks if at_ms >= source.from_ms][-rules.sample :]
        recent = [mark for _, mark in counted]
        if len(recent) < rules.enough:  # too few to judge by: whatever it was, it stays
            return source.verdict
        if source.verdict == "ok":
            silent = all(mark == "missed" for mark in recent[-rules.enough :])
            bad = silent or (_share(recent) or 0) < rules.demote_below
            return self._failing_verdict(source, marks, now_ms) if bad else "ok"
        last = counted[-rules.restore_sample :]
        if (_share([mark for _, mark in last]) or 0) >= rules.restore_above:
            source.from_ms = last[0][0]
            return "ok"
        kind = self._failing_verdict(source, marks, now_ms)
        return source.verdict if kind == "demoted" else kind

    def _failing_verdict(self, source: _JudgedSource, marks: list[tuple[int, Mark]], now_ms: int) -> Verdict:
        if not source.agreed:
            return "blind"
        if now_ms - source.shown_at_ms > self._rules.grace_ms:
            return "mute"
        late = sum(mark == "late" for _, mark in marks)
        shown = sum(mark == "shown" for _, mark in marks[-self._rules.restore_sample :])
        return "late" if late > shown else "demoted"

    def _judgeable(self, now_ms: int) -> list[_SeenFill]:
        """Return the fills to judge by: past their grace time, and news when they were first seen.

        Rows of a catch-up come when they come. News is measured against the best lag, so that a clock that is off
        (pitfall 14) changes nothing.
        """
        best = min((fill.lag_ms for fill in self._fills.values()), default=0)
        oldest = now_ms - self._rules.grace_ms
        latest = best + self._rules.fresh_ms
        return [fill for fill in self._fills.values() if fill.first_at_ms <= oldest and fill.lag_ms <= latest]

    def _forget(self, now_ms: int) -> None:
        oldest = now_ms - self._rules.window_ms
        while self._fills and next(iter(self._fills.values())).first_at_ms < oldest:
            self._fills.popitem(last=False)
        for source in self._sources.values():
            while source.lags and source.lags[0][0] < oldest:
                source.lags.popleft()


def _mark(fill: _SeenFill, name: str, others: Collection[str], grace_ms: int) -> Mark | None:
    """Return what a fill says of a source; None when no other source showed it."""
    theirs = [at_ms for other, at_ms in fill.seen.items() if other in others]
    if not theirs:
        return None
    ours = fill.seen.get(name)
    if ours is None:
        return "missed"
    return "shown" if ours - min(theirs) <= grace_ms else "late"


def _share(marks: Sequence[str]) -> float | None:
    return sum(mark == "shown" for mark in marks) / len(marks) if marks else None
