"""The daily digest: at one minute of the day, what the day came to. Pure."""

from datetime import UTC, datetime, tzinfo

from msgspec import Struct
from msgspec.structs import replace

from ops.alerts.domain.alert_message import AlertMessage, alert_id
from ops.alerts.domain.delivery_rules import minute_of_day
from ops.alerts.domain.standing_messages import Judged
from ops.alerts.domain.watch_state import WatchLook, WatchState


class DigestTime(Struct, frozen=True):
    """The minute of the day, in `zone`, at which the digest is told."""

    minute: int
    zone: tzinfo = UTC


def judge_digest(state: WatchState, look: WatchLook, at: DigestTime | None) -> Judged:
    """Tell the digest once a day from its minute on; one who starts later in the day waits for the next."""
    if at is None:
        return state, ()
    day = f"{datetime.fromtimestamp(look.now_ms / 1000, at.zone):%Y-%m-%d}"
    due = minute_of_day(look.now_ms, at.zone) >= at.minute
    if not state.digest_day:
        return replace(state, digest_day=day if due else "none yet"), ()
    if not due or state.digest_day == day:
        return state, ()
    return replace(state, digest_day=day, counts={}), (_digest(state, look, day),)


def _digest(state: WatchState, look: WatchLook, day: str) -> AlertMessage:
    counts = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in sorted(state.counts.items()))
    lost = tuple(f"DOES NOT WORK: {one.words}" for one in state.lost.values())
    return AlertMessage(
        id=alert_id("digest", day),
        kind="digest",
        level="info",
        title=f"The day until {day}",
        lines=(*look.figures, f"told since the last digest: {counts or 'nothing'}", *lost),
        mode=look.mode,
        at_ms=look.now_ms,
    )
