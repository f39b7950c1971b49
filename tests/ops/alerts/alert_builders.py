"""Events, looks and messages as the alerts meet them."""

from typing import Any

from ops.alerts.domain.alert_message import AlertMessage, alert_id
from ops.alerts.domain.judge import AlertRules, judge_event, judge_look
from ops.alerts.domain.watch_state import LimitUse, LostProcess, WatchLook, WatchState
from shared.domain.ledger_accounts import HALT
from shared.messages.base import Event
from shared.messages.service import ControlTurned, HybridProgress, SourceStatus
from tests.amounts import D

NOW_MS = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC"""
HOUR_MS = 3_600_000


def a_message(number: int = 1, **changes: Any) -> AlertMessage:
    facts: dict[str, Any] = {
        "id": alert_id("test", number),
        "kind": "filled",
        "level": "info",
        "title": f"message {number}",
        "at_ms": NOW_MS + number,
    }
    return AlertMessage(**(facts | changes))


def a_turn(**changes: Any) -> ControlTurned:
    facts: dict[str, Any] = {
        "id": "c1",
        "emitted_at_ms": NOW_MS,
        "control": HALT,
        "who": "ann",
        "where": "desk",
        "why": "odd fills",
        "before": "off",
        "after": "on",
    }
    return ControlTurned(**(facts | changes))


def a_report(*states: Any, number: int = 1) -> HybridProgress:
    sources = tuple(
        SourceStatus(name=f"source-{place}", state=state, last_error="no answer") for place, state in enumerate(states)
    )
    return HybridProgress(
        id=f"p{number}",
        emitted_at_ms=NOW_MS + number * 10_000,
        detector="d1",
        runtime_ms=1,
        leaders=(),
        signals=0,
        sightings=0,
        repeats=0,
        sources=sources,
    )


def a_lost(instance: str = "buyer@host:1", **changes: Any) -> LostProcess:
    facts = {"instance": instance, "service": "buyer", "words": f"{instance} dead, last heard 31 s ago", "mode": "live"}
    return LostProcess(**(facts | changes))


def a_use(used: str, limit: str = "100", **changes: Any) -> LimitUse:
    facts: dict[str, Any] = {"name": "MAX_TOTAL_USDC", "used": D(used), "limit": D(limit), "mode": "live"}
    return LimitUse(**(facts | changes))


def a_look(now_ms: int = NOW_MS, **changes: Any) -> WatchLook:
    return WatchLook(now_ms=now_ms, **changes)


class Judge:
    """The judge with its state, as the service carries it on."""

    def __init__(self, rules: AlertRules | None = None) -> None:
        self.rules, self.state = rules or AlertRules(), WatchState()

    def event(
        self, event: Event, now_ms: int = NOW_MS, mode: str = "paper", labels: dict[str, str] | None = None
    ) -> list[AlertMessage]:
        self.state, told = judge_event(self.state, event, self.rules, now_ms=now_ms, mode=mode, labels=labels or {})
        return list(told)

    def look(self, now_ms: int = NOW_MS, **changes: Any) -> list[AlertMessage]:
        self.state, told = judge_look(self.state, a_look(now_ms, **changes), self.rules)
        return list(told)
