"""When a message is sent: level, quiet hours and the rate limit; what is critical passes them. Pure.

What is held back is counted, and told in one message once it may be: "12 more were held back".
"""

from datetime import UTC, datetime, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from ops.alerts.domain.alert_message import LEVELS, AlertMessage, Level, alert_id
from ops.alerts.domain.watch_state import HeldBack, WatchState

HOUR_MS = 3_600_000
_TITLES = 5
_ALWAYS = frozenset({"digest", "held_back"})


class QuietHours(Struct, frozen=True):
    """From `start` to `end`, minutes of a day in `zone`; over midnight where the end comes first."""

    start: int
    end: int
    zone: tzinfo = UTC

    def holds(self, now_ms: int) -> bool:
        """Say whether it is quiet now."""
        minute = minute_of_day(now_ms, self.zone)
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


class DeliveryRules(Struct, frozen=True):
    """What is sent when."""

    level: Level = "info"
    per_hour: int = 20
    quiet: QuietHours | None = None


def minute_of_day(now_ms: int, zone: tzinfo) -> int:
    """Return the minute of the day in a zone."""
    now = datetime.fromtimestamp(now_ms / 1000, zone)
    return now.hour * 60 + now.minute


def admit_message(
    state: WatchState, message: AlertMessage, now_ms: int, rules: DeliveryRules
) -> tuple[WatchState, tuple[AlertMessage, ...]]:
    """Return the message to send now, or none: then it is held back and counted, or below the level and dropped."""
    if LEVELS.index(message.level) < LEVELS.index(rules.level) and message.kind not in _ALWAYS:
        return state, ()
    counts = {**state.counts, message.kind: state.counts.get(message.kind, 0) + 1}
    state = replace(state, counts=counts)
    if message.level == "critical" or message.kind in _ALWAYS:
        return state, (message,)
    if is_quiet(rules, now_ms) or not (_room(state, now_ms, rules)):
        return replace(state, held=_held(state.held, message, now_ms)), ()
    return replace(state, sent_ms=(*_recent(state, now_ms), now_ms)), (message,)


def release_held(state: WatchState, now_ms: int, rules: DeliveryRules) -> tuple[WatchState, tuple[AlertMessage, ...]]:
    """Return the one message that stands for all that was held back, once it may be sent."""
    if not state.held.total or is_quiet(rules, now_ms) or not _room(state, now_ms, rules):
        return state, ()
    told = _held_message(state.held, now_ms)
    return replace(state, held=HeldBack(), sent_ms=(*_recent(state, now_ms), now_ms)), (told,)


def is_quiet(rules: DeliveryRules, now_ms: int) -> bool:
    """Say whether only what is critical is sent now."""
    return rules.quiet is not None and rules.quiet.holds(now_ms)


def _room(state: WatchState, now_ms: int, rules: DeliveryRules) -> bool:
    return len(_recent(state, now_ms)) < rules.per_hour


def _recent(state: WatchState, now_ms: int) -> tuple[int, ...]:
    return tuple(at for at in state.sent_ms if now_ms - HOUR_MS < at <= now_ms)


def _held(held: HeldBack, message: AlertMessage, now_ms: int) -> HeldBack:
    counts = {**held.counts, message.kind: held.counts.get(message.kind, 0) + 1}
    return HeldBack(held.since_ms or now_ms, counts, (*held.titles, message.heading)[-_TITLES:])


def _held_message(held: HeldBack, now_ms: int) -> AlertMessage:
    kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in sorted(held.counts.items()))
    return AlertMessage(
        id=alert_id("held", held.since_ms, kinds),
        kind="held_back",
        level="info",
        title=f"{held.total} more were held back: {kinds}",
        lines=("the last of them:", *held.titles),
        fix="`hybrid status` shows how it stands; ALERT_PER_HOUR and QUIET_HOURS say what is held back",
        at_ms=now_ms,
    )
