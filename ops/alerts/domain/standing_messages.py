"""Messages about silent processes and sources that all fail: one when it begins, one when it is over. Pure."""

from msgspec.structs import replace

from ops.alerts.domain.alert_message import AlertMessage, alert_id
from ops.alerts.domain.watch_state import LostProcess, StandingAlarm, WatchLook, WatchState
from shared.messages.service import HybridProgress, SourceStatus

Judged = tuple[WatchState, tuple[AlertMessage, ...]]
BLIND = frozenset({"failing", "mute", "blind", "stopped"})
"""States in which a source shows nothing."""
REPORTS = 2
"""Reports in a row in which all sources fail before it is told: one may be a hiccup."""


def judge_processes(state: WatchState, look: WatchLook) -> Judged:
    """Tell of who fell silent, and of who is replaced or works again."""
    now = {one.instance: one for one in look.lost}
    fresh = [one for name, one in now.items() if name not in state.lost]
    over = [one for name, one in state.lost.items() if name not in now]
    told = (*(_silent(one, look) for one in fresh), *(_back(one, look) for one in over))
    return replace(state, lost=now), told


def judge_alarms(state: WatchState, look: WatchLook) -> Judged:
    """Tell of each alarm that begins to stand; that it is over is seen on the board."""
    told = tuple(_standing(one, look) for one in look.alarms if one.name not in state.alarms)
    return replace(state, alarms=tuple(one.name for one in look.alarms)), told


def judge_sources(state: WatchState, report: HybridProgress, mode: str) -> Judged:
    """Tell when every source of a detector fails for the second report in a row, and when one sees again."""
    before = state.failing.get(report.detector, 0)
    blind = bool(report.sources) and all(source.state in BLIND for source in report.sources)
    count = before + 1 if blind else 0
    failing = {**state.failing, report.detector: count}
    told: tuple[AlertMessage, ...] = ()
    if count == REPORTS:
        told = (_all_failing(report, mode),)
    elif not blind and before >= REPORTS:
        told = (_seeing(report, mode),)
    return replace(state, failing={name: number for name, number in failing.items() if number}), told


def _standing(one: StandingAlarm, look: WatchLook) -> AlertMessage:
    return AlertMessage(
        id=alert_id("alarm", one.name, look.now_ms),
        kind="alarm",
        level="critical",
        title=one.text,
        fix=one.fix,
        mode=one.mode,
        at_ms=look.now_ms,
    )


def _silent(one: LostProcess, look: WatchLook) -> AlertMessage:
    others = "another one of its kind works" if one.service in look.working else "nobody does its work now"
    return AlertMessage(
        id=alert_id("silent", one.instance, look.now_ms),
        kind="silent",
        level="critical",
        title=f"{one.service} does not work: {one.words}",
        lines=(others,),
        fix="`hybrid status` and the log of the program say why; start it again, or `hybrid kill`",
        mode=one.mode,
        at_ms=look.now_ms,
    )


def _back(one: LostProcess, look: WatchLook) -> AlertMessage:
    works = one.service in look.working
    return AlertMessage(
        id=alert_id("back", one.instance, look.now_ms),
        kind="silent",
        level="warning",
        title=f"{one.service} {'works again' if works else 'is not waited for any more, and none works'}",
        lines=(one.instance,),
        mode=one.mode,
        at_ms=look.now_ms,
    )


def _all_failing(report: HybridProgress, mode: str) -> AlertMessage:
    return AlertMessage(
        id=alert_id("sources", report.id),
        kind="sources",
        level="critical",
        title="All sources fail: nothing that leaders do is seen",
        lines=tuple(_source_line(source) for source in report.sources),
        fix="`hybrid doctor` says which of them answers; what is held is still looked after by the buyer",
        mode=mode,
        at_ms=report.emitted_at_ms,
    )


def _seeing(report: HybridProgress, mode: str) -> AlertMessage:
    names = ", ".join(source.name for source in report.sources if source.state not in BLIND)
    return AlertMessage(
        id=alert_id("sources", report.id),
        kind="sources",
        level="warning",
        title=f"Sources see again: {names}",
        mode=mode,
        at_ms=report.emitted_at_ms,
    )


def _source_line(source: SourceStatus) -> str:
    return f"{source.name} {source.state}{f': {source.last_error[:120]}' if source.last_error else ''}"
