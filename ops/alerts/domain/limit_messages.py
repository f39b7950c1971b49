"""Messages about what fills up: caps and the day's loss at 80 and 100 percent, and the disk. Pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from ops.alerts.domain.alert_message import AlertMessage, Level, alert_id
from ops.alerts.domain.amounts import cents
from ops.alerts.domain.standing_messages import Judged
from ops.alerts.domain.watch_state import LimitUse, WatchLook, WatchState

MARKS = (80, 100)
"""Percents of a limit at which it is told, each once until less than `AGAIN_BELOW` is used."""
AGAIN_BELOW = 70
DAY_LOSS = "MAX_DAY_LOSS_USDC"
_DISK_FULL = 97
_DISK_AGAIN = 2
"""Percent below its mark that the disk has to fall before it is told again."""


def judge_limits(state: WatchState, look: WatchLook) -> Judged:
    """Tell of each limit that passed a mark."""
    told, kept = list[AlertMessage](), dict(state.limits)
    for use in look.limits:
        name, percent = f"{use.mode}:{use.name}:{use.of}", _percent(use)
        before, mark = kept.get(name, 0), max((mark for mark in MARKS if percent >= mark), default=0)
        if mark > before:
            told.append(_limit_message(use, mark, percent, look.now_ms))
            kept[name] = mark
        elif percent < AGAIN_BELOW:
            kept.pop(name, None)
    return replace(state, limits=kept), tuple(told)


def judge_disk(state: WatchState, look: WatchLook, warn_pct: float) -> Judged:
    """Tell of a disk that is fuller than `warn_pct`, and again when it is nearly full."""
    if look.disk_pct is None:
        return state, ()
    marks = (warn_pct, max(warn_pct, _DISK_FULL))
    passed = sum(look.disk_pct >= mark for mark in marks)
    if passed > state.disk_told:
        return replace(state, disk_told=passed), (_disk_message(look, passed == len(marks)),)
    if look.disk_pct < warn_pct - _DISK_AGAIN:
        return replace(state, disk_told=0), ()
    return state, ()


def _percent(use: LimitUse) -> int:
    return use.used * 100 // use.limit if use.limit > 0 else 0


def _limit_message(use: LimitUse, mark: int, percent: int, now_ms: int) -> AlertMessage:
    loss = use.name == DAY_LOSS
    full = mark == MARKS[-1]
    level: Level = "critical" if full and loss else "warning"
    what = "The day's loss" if loss else use.name
    return AlertMessage(
        id=alert_id("cap", use.mode, use.name, use.of, mark, now_ms),
        kind="cap",
        level=level,
        title=f"{what} is at {percent}%: {cents(use.used)} of {cents(use.limit)} pUSD",
        lines=tuple(_about(use)),
        fix=_fix(loss=loss, full=full, name=use.name),
        mode=use.mode,
        at_ms=now_ms,
    )


def _about(use: LimitUse) -> Iterator[str]:
    if use.of:
        yield f"of {use.of}"


def _fix(*, loss: bool, full: bool, name: str) -> str:
    if loss:
        stops = "nothing more is bought today" if full else "at 100% nothing more is bought today"
        return f"{stops}; `hybrid status` shows what lost"
    return f"{'buys are skipped until less is used' if full else 'nothing yet'}; {name} sets it"


def _disk_message(look: WatchLook, full: bool) -> AlertMessage:  # noqa: FBT001 - one of two marks
    return AlertMessage(
        id=alert_id("disk", look.disk, look.now_ms),
        kind="disk",
        level="critical",
        title=f"The disk is {look.disk_pct:.0f}% full: {look.disk_free_gb:.1f} GB are free",
        lines=(f"of {look.disk}", "it is nearly full: the server stops when nothing can be written" if full else ""),
        fix="make room: captures and logs first; a server that cannot write stops all orders",
        at_ms=look.now_ms,
    )
