"""The leaders as detectors, environments and people name them: who is followed, and who watches."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

from redis import Redis

from shared.domain.errors import Malformed
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.service import HybridProgress, HybridSummary
from shared.process.beats import read_standings, server_ms
from shared.redis.followed_leaders import (
    FollowedLeader,
    Unfollowed,
    brought_leaders,
    followed_leaders,
    leader_labels,
    unfollowed,
)
from shared.redis.streams import stream_tail

_REPORTS = 400
_SILENT_MS = 900_000


@dataclass(frozen=True)
class LeaderRow:
    """One line of the table."""

    address: str
    label: str
    comes_from: str
    state: str
    watched: bool = False
    exit_only: bool = False


LEADER_FIELDS = tuple(LeaderRow.__dataclass_fields__)
"""What is told of a leader, in order."""


def table(redis: Redis, reports: list[HybridProgress] | None = None) -> list[LeaderRow]:
    """Return who is followed: why, and by which detector; and whom somebody names although nobody follows it.

    `reports` are those of `last_reports`, where they are at hand.
    """
    added, without, labels = followed_leaders(redis), unfollowed(redis), leader_labels(redis)
    reports = last_reports(redis) if reports is None else reports
    watched, named = _watchers(redis, reports), brought_leaders(redis)
    left_out = {name for name, taken in without.items() if taken.named}
    reported = {leader for report in reports for leader in report.leaders} - without.keys()
    known = {*added, *(watched.keys() - without.keys()), *named, *left_out, *reported}
    found = [
        _line(name, added.get(name), without.get(name), watched.get(name, ""), labels.get(name, "")) for name in known
    ]
    return sorted(found, key=lambda leader: (leader.label or "~", leader.address))


def _line(address: str, given: FollowedLeader | None, taken: Unfollowed | None, watcher: str, label: str) -> LeaderRow:
    comes_from = f"hybrid follow ({given.by})" if given else "environment or file"
    state = f"watched by {watcher}" if watcher else "not watched: no detector that runs reported it lately"
    if taken:
        until = "its sells until our lots are gone" if taken.exits_only and watcher else "until hybrid follow"
        state = f"not followed: hybrid unfollow ({taken.by}), {until}"
    return LeaderRow(address, label, comes_from, state, watched=bool(watcher), exit_only=bool(taken))


def is_watched(redis: Redis, address: str) -> bool:
    """Say whether a detector that runs watches an address."""
    return address in _watchers(redis, last_reports(redis))


def was_reported(redis: Redis, address: str) -> bool:
    """Say whether a detector named an address lately."""
    return any(address in report.leaders for report in last_reports(redis))


def _watchers(redis: Redis, reports: list[HybridProgress]) -> dict[str, str]:
    """Return who watches whom: from the reports of detectors that run."""
    known = {one.beat.instance: one.working for one in read_standings(redis)}
    now_ms = server_ms(redis)
    alive = {report.detector for report in _latest(reports) if known.get(report.detector, _fresh(report, now_ms))}
    return {leader: report.detector for report in reports if report.detector in alive for leader in report.leaders}


def _latest(reports: list[HybridProgress]) -> list[HybridProgress]:
    """Return the last word of each detector whose last word is not that it ended."""
    latest = {report.detector: report for report in reports}
    return [report for report in latest.values() if not isinstance(report, HybridSummary)]


def _fresh(report: HybridProgress, now_ms: int) -> bool:
    """Say whether a detector that tells no beats (one inside another program) reported lately."""
    return now_ms - report.emitted_at_ms < _SILENT_MS


def last_reports(redis: Redis) -> list[HybridProgress]:
    """Return each detector's last report, and those before it where one cannot name all its leaders."""
    reports = list(_reports(redis))
    latest = {report.detector: report for report in reports}
    return [report for report in reports if _tells(report, latest[report.detector])]


def _tells(report: HybridProgress, last: HybridProgress) -> bool:
    """Say whether a report counts beside its detector's last one: only where one report cannot name them all."""
    return report is last or last.leader_count > len(last.leaders)


def _reports(redis: Redis) -> Iterable[HybridProgress]:
    """Yield what detectors reported, oldest first; what cannot be read says nothing of anybody."""
    for entry in stream_tail(redis, SIGNALS, _REPORTS):
        if entry.event not in {"HYBRID_PROGRESS", "HYBRID_SUMMARY"}:
            continue
        with contextlib.suppress(Malformed):
            event = read_event(entry.json)
            if isinstance(event, HybridProgress):
                yield event
