"""The judge of alerts: an event or a look at the pipeline in, the state after it and the messages to send out. Pure."""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.domain.delivery_rules import DeliveryRules, admit_message, release_held
from ops.alerts.domain.digest_message import DigestTime, judge_digest
from ops.alerts.domain.event_messages import event_message
from ops.alerts.domain.limit_messages import judge_disk, judge_limits
from ops.alerts.domain.standing_messages import Judged, judge_alarms, judge_processes, judge_sources
from ops.alerts.domain.trade_messages import OPEN, decision_message, update_message
from ops.alerts.domain.watch_state import WatchLook, WatchState
from shared.messages.base import Event
from shared.messages.decisions import BuyEngineDecision, OrderUpdate
from shared.messages.service import HybridProgress

_MOST_OPEN = 500


class AlertRules(Struct, frozen=True):
    """What is told, and when."""

    delivery: DeliveryRules = DeliveryRules()
    digest: DigestTime | None = None
    disk_pct: float = 90


def judge_event(
    state: WatchState, event: Event, rules: AlertRules, *, now_ms: int, mode: str, labels: Mapping[str, str]
) -> Judged:
    """Take in one event. `mode` is whose money is traded now, `labels` what leaders are called by address."""
    match event:
        case BuyEngineDecision():
            state, told = _decision(state, event, labels)
        case OrderUpdate():
            state, told = _update(state, event, labels)
        case HybridProgress():
            state, told = judge_sources(state, event, mode)
        case _:
            message = event_message(event, mode)
            told = (message,) if message else ()
    return _admitted(state, told, now_ms, rules)


def judge_look(state: WatchState, look: WatchLook, rules: AlertRules) -> Judged:
    """Take in one look at what no event tells, and let go of what was held back long enough."""
    told: list[AlertMessage] = []
    state, found = judge_processes(state, look)
    told += found
    state, found = judge_alarms(state, look)
    told += found
    state, found = judge_limits(state, look)
    told += found
    state, found = judge_disk(state, look, rules.disk_pct)
    told += found
    state, sent = _admitted(state, told, look.now_ms, rules)
    state, digest = judge_digest(state, look, rules.digest)
    state, summed = release_held(state, look.now_ms, rules.delivery)
    return state, (*sent, *digest, *summed)


def _admitted(state: WatchState, told: Iterable[AlertMessage], now_ms: int, rules: AlertRules) -> Judged:
    sent: list[AlertMessage] = []
    for message in told:
        state, passed = admit_message(state, message, now_ms, rules.delivery)
        sent += passed
    return state, tuple(sent)


def _decision(state: WatchState, event: BuyEngineDecision, labels: Mapping[str, str]) -> Judged:
    message = decision_message(event, labels)
    if event.order is not None and event.outcome is not None and event.outcome.state in OPEN:
        state = replace(state, open_orders=(*state.open_orders, event.order.id)[-_MOST_OPEN:])
    return state, (message,) if message else ()


def _update(state: WatchState, event: OrderUpdate, labels: Mapping[str, str]) -> Judged:
    was_open = event.order_id in state.open_orders
    message = update_message(event, labels, was_open=was_open)
    if was_open and event.state not in OPEN:
        state = replace(state, open_orders=tuple(each for each in state.open_orders if each != event.order_id))
    return state, (message,) if message else ()
