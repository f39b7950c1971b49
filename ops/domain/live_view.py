"""The state of a running pipeline as people want to see it, gathered from its events. Pure."""

from collections import Counter, deque
from dataclasses import dataclass, field

from shared.domain.trading_words import MODES
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import AnyEvent
from shared.messages.redemptions import RedemptionResult
from shared.messages.service import DeadLetter, HybridProgress, ServiceHealth, ServiceStart, ServiceStop
from shared.messages.signals import ActionableSignal

KEPT = 30
MOST_TITLES = 1000
"""Titles remembered; the oldest go first, so that a view of months stays small."""


@dataclass
class LeaderLine:
    """What one leader did while we watched."""

    signals: int = 0
    bought: int = 0
    skipped: int = 0
    last_at_ms: int = 0


@dataclass
class LiveView:
    """The pipeline as its events tell it."""

    signals: deque[ActionableSignal] = field(default_factory=lambda: deque(maxlen=KEPT))
    decisions: deque[BuyEngineDecision] = field(default_factory=lambda: deque(maxlen=KEPT))
    redemptions: deque[RedemptionResult] = field(default_factory=lambda: deque(maxlen=KEPT))
    leaders: dict[str, LeaderLine] = field(default_factory=dict[str, LeaderLine])
    progress: HybridProgress | None = None
    services: dict[str, str] = field(default_factory=dict[str, str])
    live: set[str] = field(default_factory=set[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    titles: dict[str, str] = field(default_factory=dict[str, str])
    counts: Counter[str] = field(default_factory=Counter[str])
    mode: str = "paper"
    """Whose money the buyer that spoke last spends."""

    def apply(self, event: AnyEvent) -> None:
        """Take one event in."""
        self.counts[event.event] += 1
        match event:
            case ActionableSignal():
                self._signal(event)
            case BuyEngineDecision():
                self._decision(event)
            case RedemptionResult():
                self.redemptions.appendleft(event)
            case HybridProgress():
                self.progress = event
            case ServiceStart():
                self.services[event.service] = "up"
                (self.live.add if event.mode == "live" else self.live.discard)(event.service)
                self.mode = event.mode if event.service == "buyer" and event.mode in MODES else self.mode
            case ServiceHealth():
                self.services[event.service] = "up" if event.ready else "not ready"
            case ServiceStop():
                self.services[event.service] = f"stopped ({event.reason})" if event.reason else "stopped"
                self.live.discard(event.service)
            case DeadLetter():
                self.reasons["dead letter"] += 1
            case _:
                pass

    def _signal(self, signal: ActionableSignal) -> None:
        self.signals.appendleft(signal)
        leader = self.leaders.setdefault(signal.leader, LeaderLine())
        leader.signals += 1
        leader.last_at_ms = max(leader.last_at_ms, signal.seen_at_ms)
        if signal.market.title:
            self._name(signal.token_id, signal.market.title)

    def _decision(self, decision: BuyEngineDecision) -> None:
        self.decisions.appendleft(decision)
        self.mode = decision.mode
        if decision.inputs.market:
            self._name(decision.token_id, decision.inputs.market.title)
        leader = self.leaders.setdefault(decision.leader, LeaderLine()) if decision.leader else LeaderLine()
        if decision.verdict == "SKIP":
            leader.skipped += 1
            self.reasons[decision.reason.partition(":")[0]] += 1
        else:
            leader.bought += 1

    def _name(self, token_id: str, title: str) -> None:
        self.titles[token_id] = title
        if len(self.titles) > MOST_TITLES:
            del self.titles[next(iter(self.titles))]
