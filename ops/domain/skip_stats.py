"""Totals by rule and leader of signals that were not followed. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ops.domain.fill_timeline import end_of, is_attempt
from shared.messages.decisions import BuyEngineDecision, OrderUpdate, Outcome, RuleResult
from shared.messages.events import AnyEvent
from shared.messages.signals import ActionableSignal, SignalDropped
from shared.messages.value_codec import plain_value

NO_RULE = RuleResult(rule="", passed=False)


@dataclass
class SkippedSignal:
    """One rule: it came `first`, it stood in the way `alone`, or it failed `also` behind another.

    `last` is what it saw when it came first the last time, at the signal `last_signal`.
    """

    first: int = 0
    alone: int = 0
    also: int = 0
    last: RuleResult = NO_RULE
    last_signal: str = ""


@dataclass
class LeaderTotals:
    """One leader's signals."""

    decided: int = 0
    followed: int = 0
    unfilled: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])


@dataclass
class SkipStats:
    """A period's totals; `unfilled` orders were sent and got nothing, `dropped` fills never became signals.

    `undecided` signals have no decision in what was read: still waiting, or decided outside the period.
    """

    start_ms: int
    end_ms: int
    decided: int = 0
    followed: int = 0
    unfilled: int = 0
    dropped: int = 0
    undecided: int = 0
    exit_orders: int = 0
    rules: dict[str, SkippedSignal] = field(default_factory=dict[str, SkippedSignal])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    leaders: dict[str, LeaderTotals] = field(default_factory=dict[str, LeaderTotals])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Names of leaders, as their signals told them."""
    _filled: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def skipped(self) -> int:
        """Return how many signals a rule refused."""
        return sum(rule.first for rule in self.rules.values())

    def figures(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        names = ("start_ms", "end_ms", "decided", "followed", "unfilled", "skipped", "dropped", "undecided")
        names += ("exit_orders",)
        return {
            "event": "WHY_NOT",
            **{name: getattr(self, name) for name in names},
            "rules": {
                name: {
                    "first": rule.first,
                    "alone": rule.alone,
                    "also": rule.also,
                    "last": plain_value(rule.last),
                    "last_signal": rule.last_signal,
                }
                for name, rule in self.ranked()
            },
            "unfilled_because": dict(self.outcomes.most_common()),
            "leaders": {
                name: {
                    "label": self.labels.get(name, ""),
                    "decided": leader.decided,
                    "followed": leader.followed,
                    "unfilled": leader.unfilled,
                    "skipped": dict(leader.skipped.most_common()),
                }
                for name, leader in self.leaders.items()
            },
        }

    def ranked(self) -> list[tuple[str, SkippedSignal]]:
        """Return the rules, the most frequent first."""
        return sorted(self.rules.items(), key=lambda item: (-item[1].first, -item[1].also, item[0]))

    def take(self, decision: BuyEngineDecision) -> None:
        """Count one decision on a signal; an exit's own orders are counted apart."""
        if is_attempt(decision):
            self.exit_orders += 1
            return
        leader = self.leaders.setdefault(decision.leader, LeaderTotals())
        self.decided += 1
        leader.decided += 1
        if decision.verdict == "SKIP":
            reason = decision.reason.partition(":")[0]
            leader.skipped[reason] += 1
            self._refuse(reason, decision)
        elif decision.outcome and decision.outcome.shares:
            self.followed += 1
            leader.followed += 1
            self._filled[decision.signal_id] = decision.leader
        else:
            self._miss(leader, (decision.outcome.reason if decision.outcome else "") or "no outcome")

    def take_back(self, signal_id: str, outcome: Outcome) -> None:
        """Count an order that was filled at first, and got nothing in the end, as not filled."""
        if signal_id in self._filled:
            leader = self.leaders[self._filled.pop(signal_id)]
            self.followed -= 1
            leader.followed -= 1
            self._miss(leader, outcome.reason or outcome.state)

    def _miss(self, leader: LeaderTotals, reason: str) -> None:
        self.unfilled += 1
        leader.unfilled += 1
        self.outcomes[reason] += 1

    def _refuse(self, reason: str, decision: BuyEngineDecision) -> None:
        failed = [rule for rule in decision.rules if not rule.passed]
        first = self.rules.setdefault(reason, SkippedSignal())
        first.first += 1
        first.alone += len(failed) < 2  # noqa: PLR2004 - it and nothing else
        first.last_signal = decision.signal_id
        first.last = next((rule for rule in failed if rule.rule == reason), NO_RULE)
        for rule in failed:
            if rule.rule != reason:
                self.rules.setdefault(rule.rule, SkippedSignal()).also += 1


def newest_ms(events: Iterable[AnyEvent]) -> int:
    """Return the time of the newest event, 0 without any."""
    return max((event.emitted_at_ms for event in events), default=0)


def skip_stats(events: Iterable[AnyEvent], start_ms: int, end_ms: int, leader: str = "") -> SkipStats:
    """Add up the decisions of `[start_ms, end_ms]`, of one leader or of all."""
    totals = SkipStats(start_ms, end_ms)
    waiting: dict[str, None] = {}
    decided: dict[str, None] = {}
    nothing: dict[str, Outcome] = {}
    for event in events:
        if isinstance(event, OrderUpdate) and (end := end_of(event)) and not end.shares:
            nothing[event.signal_id] = end
        if not start_ms <= event.emitted_at_ms <= end_ms or leader not in ("", getattr(event, "leader", "")):
            continue
        if isinstance(event, ActionableSignal):
            _cross_off(event.id, waiting, decided)
            if event.leader_label:
                totals.labels[event.leader] = event.leader_label
        elif isinstance(event, SignalDropped):
            totals.dropped += 1
        elif isinstance(event, BuyEngineDecision):
            totals.take(event)
            if not is_attempt(event):
                _cross_off(event.signal_id, decided, waiting)
    for signal_id, end in nothing.items():
        totals.take_back(signal_id, end)
    totals.undecided = len(waiting)
    return totals


def _cross_off(name: str, mine: dict[str, None], others: dict[str, None]) -> None:
    """Note a signal or its decision; whichever comes second crosses both off, so memory holds what is open only."""
    if others.pop(name, 0) == 0:
        mine[name] = None
