"""`hybrid follow`, `unfollow` and `leaders`: whom the running detectors watch; each change counts within seconds."""

import getpass
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from redis import Redis

from detector.cursors import CURSORS
from detector.gaps import GAPS
from ops.resolve import Resolved, resolve
from shared.broker import answering
from shared.clock import Clock
from shared.config import Settings, parse
from shared.errors import BadConfig
from shared.events import SIGNALS, HybridProgress
from shared.followed import Followed, follow, followed, unfollow
from shared.http import Upstream
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.fills import ADDRESS
from shared.polymarket.polygon import Polygon
from shared.polymarket.wallets import PROTOCOL
from shared.streams import tail

_REPORTS = 400


@dataclass(frozen=True)
class Leader:
    """One line of the table."""

    address: str
    label: str
    comes_from: str
    state: str


def checked(address: str) -> str:
    """Return an address in our form.

    Raises:
        BadConfig: it is none, or one of the venue's own contracts.
    """
    wanted = address.strip().lower()
    if not ADDRESS.fullmatch(wanted):
        raise BadConfig(f"{address!r} is no address: give 0x and 40 hex digits, as in the link of a profile page")
    if wanted in PROTOCOL:
        raise BadConfig(f"{wanted} is {PROTOCOL[wanted]}: a contract of the venue, not a trader")
    return wanted


def look_up(address: str, clock: Clock, stop: threading.Event | None = None) -> Resolved:
    """Ask the venue and the chain which wallet trades for `address`.

    Raises:
        BadConfig: none does; with what to give instead.
        TryAgain: they do not answer now; `--offline` follows without asking.
    """
    cfg, stop = parse(Settings, []), stop or threading.Event()
    data = Upstream("data_api", cfg.data_api_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    node = Upstream("rpc", cfg.rpc_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    try:
        return resolve(address, ActivityV2(data, clock), Polygon(node))
    finally:
        data.close()
        node.close()


def add(redis: Redis, address: str, label: str, clock: Clock) -> bool:
    """Follow from now on; return False when it was followed already.

    What is left of an earlier time of following goes first: nobody wants the trades of the time between.
    """
    if address not in followed(redis) and not _watched(redis, address):
        _forget(redis, address)
    return follow(redis, address, Followed(label, clock.now_ms(), getpass.getuser()))


def remove(redis: Redis, address: str) -> str:
    """Unfollow; return what is left to do, '' when nothing is.

    Raises:
        BadConfig: nobody follows it by `hybrid follow`.
    """
    if unfollow(redis, address):
        return ""
    if _watched(redis, address):
        raise BadConfig(
            f"{address} comes from an environment or a file (TRACKED_WALLETS, LEADERS_FILE): remove it there"
        )
    raise BadConfig(f"{address} is not followed: `hybrid leaders` shows who is")


def table(redis: Redis) -> list[Leader]:
    """Return who is followed: why, and by which detector."""
    added, watched = followed(redis), _watchers(redis)
    found = [_line(address, added.get(address), watched.get(address, "")) for address in {**added, **watched}]
    return sorted(found, key=lambda leader: (leader.label or "~", leader.address))


def _line(address: str, given: Followed | None, watcher: str) -> Leader:
    comes_from = f"hybrid follow ({given.by})" if given else "environment or file"
    state = f"watched by {watcher}" if watcher else "not watched: no detector reported it lately"
    return Leader(address, given.label if given else "", comes_from, state)


def _watched(redis: Redis, address: str) -> bool:
    return address in _watchers(redis)


def _watchers(redis: Redis) -> dict[str, str]:
    """Return who watches whom, from the detectors' last reports."""
    reports = list(_reports(redis))
    latest = {report.detector: report for report in reports}
    alive = {name: report for name, report in latest.items() if report.event == "HYBRID_PROGRESS"}
    telling = [report for report in reports if report.detector in alive and _tells(report, alive[report.detector])]
    return {leader: report.detector for report in telling for leader in report.leaders}


def _tells(report: HybridProgress, last: HybridProgress) -> bool:
    """Say whether a report counts beside its detector's last one: only where one report cannot name them all."""
    return report is last or last.leader_count > len(last.leaders)


def _reports(redis: Redis) -> Iterable[HybridProgress]:
    for entry in tail(redis, SIGNALS, _REPORTS):
        if entry.fields.get("event", "") in {"HYBRID_PROGRESS", "HYBRID_SUMMARY"}:
            yield HybridProgress.model_validate_json(entry.json, strict=False)


def _forget(redis: Redis, address: str) -> None:
    with answering(redis):
        for key in (CURSORS, GAPS):
            fields = [field for field in cast("list[str]", redis.hkeys(key)) if f":{address}" in field]
            if fields:
                redis.hdel(key, *fields)
