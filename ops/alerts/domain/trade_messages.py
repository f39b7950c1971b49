"""Messages about orders: filled, missed, exits, and trades that failed after they had matched. Pure."""

from collections.abc import Mapping

from ops.alerts.domain.alert_message import AlertMessage, Kind, Level, alert_id
from ops.alerts.domain.amounts import cents
from shared.domain.money import from_micro, price_of
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Outcome

OPEN = frozenset({"SUBMITTED", "LIVE", "DELAYED", "UNKNOWN"})
"""States after which an order may still fill: nobody is told that it missed."""
OUR_LIMITS: Mapping[str, str] = {
    "cash": "put in cash, or lower STAKE_USDC",
    "market_cap": "raise MAX_MARKET_USDC, or leave it so",
    "event_cap": "raise MAX_EVENT_USDC, or leave it so",
    "group_cap": "raise MAX_GROUP_USDC, or leave it so",
    "leader_cap": "raise MAX_LEADER_USDC, or leave it so",
    "day_cap": "raise MAX_DAY_USDC, or wait for the next UTC day",
    "total_cap": "raise MAX_TOTAL_USDC, or sell something",
    "day_loss": "look at today's losses; buying goes on at the next UTC day",
    "drawdown": "look at this leader, or raise MAX_DRAWDOWN_USDC",
    "order_rate": "raise MAX_ORDERS_PER_MINUTE, or leave it so",
    "ledger": "another order was quicker; nothing has to be done",
    "inputs_known": "`hybrid doctor` says which upstream does not answer",
    "book_fresh": "`hybrid doctor` says which upstream does not answer",
}
"""Rules that are about us, not about the leader's trade: what they kept from being bought was missed; and the fix."""


def decision_message(event: BuyEngineDecision, labels: Mapping[str, str]) -> AlertMessage | None:
    """Return what a decision has to tell: an order that filled or did not, or a buy that our own limits forbade."""
    if event.verdict == "SKIP":
        return _skip_message(event, labels)
    if event.order is None or event.outcome is None:
        return None
    if event.outcome.shares > 0:
        return _fill_message(event, event.order, event.outcome, labels)
    if event.outcome.state in OPEN or (event.exit is not None and event.exit.attempt > 0):
        return None
    return _miss_message(event, event.order, event.outcome, labels)


def update_message(event: OrderUpdate, labels: Mapping[str, str], *, was_open: bool) -> AlertMessage | None:
    """Return what became of an order later: a matched trade that failed, or the end of one that nobody knew about."""
    outcome = event.outcome
    filled = outcome is not None and outcome.shares > 0
    if event.state == "FAILED":
        title = f"{event.order.side} failed after it had matched"
        fix = "nothing was traded: balances were put back; `hybrid why` with this signal tells the rest"
        return _update(event, "missed", "warning", title, labels, fix)
    if not was_open or event.state in OPEN:
        return None
    if filled and outcome is not None:
        title = f"{_done(event.order)} late: {_amounts(outcome)}"
        return _update(event, "filled" if event.order.side == "BUY" else "exit", "info", title, labels, "")
    return _update(event, "missed", "info", f"{event.order.side} not filled: {event.state}", labels, "")


def _fill_message(event: BuyEngineDecision, order: Order, outcome: Outcome, labels: Mapping[str, str]) -> AlertMessage:
    part = " (in part)" if outcome.shares < order.shares else ""
    provisional = ", not confirmed yet" if event.mode == "live" and outcome.state != "CONFIRMED" else ""
    kind: Kind = "filled" if order.side == "BUY" else "exit"
    return AlertMessage(
        id=alert_id(event.id),
        kind=kind,
        level="info",
        title=f"{_done(order)}{part}: {_amounts(outcome)}{provisional}",
        lines=(_place(event), *_why_sold(event, order), _leader_line(event.leader, labels), _signal(event.signal_id)),
        mode=event.mode,
        at_ms=event.emitted_at_ms,
    )


def _miss_message(event: BuyEngineDecision, order: Order, outcome: Outcome, labels: Mapping[str, str]) -> AlertMessage:
    what = f"{order.side} of {_shares(order.shares)} at {_price(order.limit_price)} got nothing: {outcome.state}"
    exits = "it is tried again until the lot is gone" if order.side == "SELL" else ""
    return AlertMessage(
        id=alert_id(event.id),
        kind="missed",
        level="warning" if order.side == "SELL" else "info",
        title=what,
        lines=(_place(event), outcome.reason, _leader_line(event.leader, labels), _signal(event.signal_id)),
        fix=exits,
        mode=event.mode,
        at_ms=event.emitted_at_ms,
    )


def _skip_message(event: BuyEngineDecision, labels: Mapping[str, str]) -> AlertMessage | None:
    if event.reason not in OUR_LIMITS or event.exit is not None:
        return None
    rule = next((rule for rule in event.rules if rule.rule == event.reason), None)
    seen = f"{rule.value} of {rule.limit}" if rule else ""
    return AlertMessage(
        id=alert_id(event.id),
        kind="missed",
        level="info",
        title=f"Not followed: {event.reason} {seen}".rstrip(),
        lines=(_place(event), _leader_line(event.leader, labels), _signal(event.signal_id)),
        fix=OUR_LIMITS[event.reason],
        mode=event.mode,
        at_ms=event.emitted_at_ms,
    )


def _update(
    event: OrderUpdate, kind: Kind, level: Level, title: str, labels: Mapping[str, str], fix: str
) -> AlertMessage:
    return AlertMessage(
        id=alert_id(event.id),
        kind=kind,
        level=level,
        title=title,
        lines=(_leader_line(event.order.leader, labels), _signal(event.signal_id)),
        fix=fix,
        mode=event.mode,
        at_ms=event.emitted_at_ms,
    )


def _done(order: Order) -> str:
    return "Bought" if order.side == "BUY" else "Sold"


def _amounts(outcome: Outcome) -> str:
    price = price_of(outcome.usdc, outcome.shares)
    return f"{_shares(outcome.shares)} at {_price(price)} for {cents(outcome.usdc)} pUSD, fee {cents(outcome.fee)}"


def _why_sold(event: BuyEngineDecision, order: Order) -> tuple[str, ...]:
    reason = event.exit.reason if event.exit else "leader_sold"
    return (f"because: {reason.replace('_', ' ')}",) if order.side == "SELL" else ()


def _place(event: BuyEngineDecision) -> str:
    facts = event.inputs.market
    return f"{facts.title} · {facts.outcome}" if facts else f"token {event.token_id[:16]}…"


def _leader_line(leader: str, labels: Mapping[str, str]) -> str:
    label = labels.get(leader, "")
    return f"leader {label} ({leader[:10]}…)" if label else f"leader {leader}"


def _signal(signal_id: str) -> str:
    return f"hybrid why {signal_id[:16]}"


def _shares(micro: int) -> str:
    return f"{cents(micro)} shares"


def _price(micro: int) -> str:
    return f"{from_micro(micro):,.4f}"
