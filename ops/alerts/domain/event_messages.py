"""Messages about events that are no orders: controls, redemptions, and every alarm that the pipeline emits. Pure."""

from collections.abc import Mapping

from ops.alerts.domain.alert_message import AlertMessage, Kind, Level, alert_id
from ops.alerts.domain.amounts import cents, signed_cents
from shared.domain.ledger_accounts import FLATTEN, HALT, HALT_REDEMPTIONS, PAUSE_ALL, PAUSE_BUYS
from shared.messages.base import Event
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.messages.service import ControlTurned, DeadLetter, ServerWentBack, StrangerFill, WalletApart
from shared.messages.signals import FillRetracted

ALARMS = (RedemptionAlarm, WalletApart, ServerWentBack, StrangerFill, DeadLetter, FillRetracted)
"""Events that say that something is wrong; each has its words below."""
_TURNED: Mapping[str, tuple[Kind, str]] = {
    HALT: ("killed", "Killed: no order is sent any more, exits neither"),
    HALT_REDEMPTIONS: ("killed", "Killed: no redemption is sent any more"),
    PAUSE_ALL: ("paused", "Paused: no order is sent"),
    PAUSE_BUYS: ("paused", "Paused: nothing is bought; sells and exits go on"),
    FLATTEN: ("paused", "Flattening: nothing is bought and every lot is sold"),
}
_LIFTED: Mapping[str, str] = {
    HALT: "the kill switch",
    HALT_REDEMPTIONS: "the kill switch of redemptions",
    PAUSE_ALL: "pause all",
    PAUSE_BUYS: "pause buys",
    FLATTEN: "flatten",
}
_KEY_FIX = "`hybrid kill`, then look who else has this key; `hybrid status` shows what is held"


def event_message(event: Event, mode: str) -> AlertMessage | None:
    """Return what an event has to tell, None for one that tells a person nothing.

    `mode` is whose money is traded now; it stands in for events that do not say whose they are about.
    """
    match event:
        case ControlTurned():
            return _control(event, mode)
        case RedemptionResult():
            return _redemption(event)
        case _:
            return _alarm_message(event, mode)


def _alarm_message(event: Event, mode: str) -> AlertMessage | None:
    """Return what an event says that is wrong; None for one that says no such thing."""
    told: AlertMessage | None = None
    match event:
        case RedemptionAlarm():
            told = _redemption_alarm(event)
        case WalletApart():
            told = _wallet(event)
        case ServerWentBack():
            lost = f"{event.steps} steps of the ledger" if event.steps else f"{event.lost_ms / 1000:.0f} s of a stream"
            fix = "look why the server lost data (disk, fsync), then `hybrid reconcile`"
            told = _alarm(event, "critical", "The server forgot what it had been told", (f"{event.what}: {lost}",), fix)
        case StrangerFill():
            amount = f"{event.side} {cents(event.shares)} shares"
            lines = (amount, f"wallet {event.wallet}", f"order {event.order_hash}")
            told = _alarm(event, "critical", "Our wallet traded, and nobody here did it", lines, _KEY_FIX, event.mode)
        case DeadLetter():
            lines = (f"{event.stream} {event.entry_id}: {event.reason}",)
            told = _alarm(event, "warning", "A message could not be handled and was set aside", lines, "")
        case FillRetracted():
            lines = (f"{event.side} of leader {event.leader}", event.reason, f"hybrid why {event.signal_id[:16]}")
            told = _alarm(event, "warning", "The chain took a followed trade back", lines, "", mode)
        case _:
            pass
    return told


def _control(event: ControlTurned, traded: str) -> AlertMessage:
    """Tell of a control; of a ledger that nobody trades it is no hurry."""
    mode = event.mode or traded
    lines = (f"by {event.who}{f' on {event.where}' if event.where else ''}: {event.why}",)
    if event.after == "off":
        title = f"Resumed: {_LIFTED.get(event.control, event.control)} is lifted"
        return _message(event, "resumed", "warning", title, lines, mode=mode)
    kind, title = _TURNED.get(event.control, ("paused", f"{event.control} is on"))
    level: Level = "critical" if event.mode in {None, traded, ""} or not traded else "info"
    idle = ("nobody trades this ledger now",) if level == "info" else ()
    return _message(event, kind, level, title, (*lines, *idle), "`hybrid resume --why ...` lifts it", mode)


def _redemption(event: RedemptionResult) -> AlertMessage:
    title = f"Redeemed: {cents(event.paid)} pUSD paid, {signed_cents(event.realized)} after its cost"
    gas = (f"gas {event.gas_pol:f} POL",) if event.gas_pol else ()
    lines = (event.title or f"condition {event.condition_id}", f"expected {cents(event.expected)} pUSD", *gas)
    return _message(event, "redemption", "info", title, lines, mode=event.mode)


def _redemption_alarm(event: RedemptionAlarm) -> AlertMessage:
    lines = (
        f"expected {cents(event.expected)}, paid {cents(event.paid)}",
        f"condition {event.condition_id}",
        f"transaction {event.transaction}",
        event.why,
    )
    fix = f"look at the transaction; `hybrid redeem --clear {event.condition_id[:12]}…` lets it be tried again"
    return _alarm(event, "critical", "A redemption did not bring what was owed", lines, fix, event.mode)


def _wallet(event: WalletApart) -> AlertMessage:
    lines = (
        event.title or event.kind,
        f"ledger {cents(event.ledger)}, wallet {cents(event.wallet)} ({event.kind})",
        *([event.why] if event.why else []),
    )
    if event.state == "apart":
        fix = "if you moved it by hand: `hybrid reconcile --wallet --why ...`; else find out who did"
        return _alarm(event, "critical", "The wallet does not hold what the ledger says", lines, fix, event.mode)
    return _alarm(event, "info", "Wallet and ledger agree again", lines, "", event.mode)


def _alarm(event: Event, level: Level, title: str, lines: tuple[str, ...], fix: str, mode: str = "") -> AlertMessage:
    return _message(event, "alarm", level, title, lines, fix, mode)


def _message(
    event: Event, kind: Kind, level: Level, title: str, lines: tuple[str, ...], fix: str = "", mode: str = ""
) -> AlertMessage:
    return AlertMessage(
        id=alert_id(event.id),
        kind=kind,
        level=level,
        title=title,
        lines=lines,
        fix=fix,
        mode=mode,
        at_ms=event.emitted_at_ms,
    )
