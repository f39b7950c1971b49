"""`hybrid audit`: read the leaders' activity again, slowly, and say what was missed, doubled, wrong or late.

The Data API's own feed is the witness, whoever told us first. It is asked at the audit's own small rate and in the last
lane of the detector's budget, so that a running detector does not feel it.
"""

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field
from redis import Redis
from rich.table import Table

from detector.domain.page_walker import PageWalker
from ops.domain.signal_comparison import SHOWN, AuditSpan, SignalComparison, SignalledFill, compare_signals
from ops.recording.event_source import events
from shared.clock import Clock, SystemClock
from shared.config import Addresses, Settings, parse
from shared.domain.backoff import Backoff
from shared.domain.errors import BadConfig, Malformed, TryAgain, Unavailable
from shared.http.client import Upstream
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.service import HybridProgress, HybridSummary
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.polymarket.data_api import ActivityApi, ActivityPage, activity_api
from shared.polymarket.wire import endpoints
from shared.polymarket.wire.leader_fills import LeaderFill, read_activity
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLane, GateLimits
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import followed_leaders, unfollowed
from shared.terminal import Terminal

E = TypeVar("E")
MARGIN_MS = 120_000
"""Read beyond both ends of the span: a push feed's clock is a second early, rows are indexed late."""
_TRIES = 8
_BACKOFF = Backoff(first_s=2.0, longest_s=30.0)
_PERCENTILES = (50, 95, 99, 100)
_MEANINGS = {
    "fills": "the venue shows",
    "missed": "missed: never signalled",
    "doubled": "doubled: signalled more than once",
    "wrong": "wrong: signalled with another amount",
    "unknown": "signalled, but not shown by the venue",
    "retracted": "signalled, then taken back by the chain",
}
_NO_LEADER = (
    "nobody to audit: no detector has reported its leaders in this time; give --leaders 0x...,0x... or TRACKED_WALLETS"
)


class AuditSettings(Settings):
    """How the audit reads."""

    program: ClassVar[str] = "hybrid audit"

    tracked_wallets: Addresses = Field((), description="Leaders to audit; those the detectors reported when empty.")
    data_api_version: Literal["v2", "v1"] = Field("v2", description="Version of the Data API, as the detector's.")
    data_api_rate_per_s: float = Field(
        endpoints.BUDGETS["data_activity"].target_per_s, gt=0, le=100, description="The detector's budget, shared."
    )
    data_api_burst: int = Field(2, ge=1, le=100, description="The detector's burst, shared.")
    audit_rate_per_s: float = Field(1.0, gt=0, le=100, description="Requests per second the audit takes of it at most.")
    audit_settle_s: float = Field(
        120.0, ge=0, le=86_400, description="The newest trades, in seconds, that are not judged yet."
    )
    audit_late_s: float = Field(60.0, gt=0, le=86_400, description="A signal later than this counts as late.")


@dataclass(frozen=True)
class AuditResult:
    """One audit: what is compared, and the result."""

    leaders: tuple[str, ...]
    start_ms: int
    end_ms: int
    late_ms: int
    result: SignalComparison
    unreadable: int = 0

    def figures(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        found = self.result
        names = ("fills", "signals", "missed", "doubled", "wrong", "unknown", "retracted", "late")
        return {
            "event": "AUDIT",
            "from_ms": self.start_ms,
            "to_ms": self.end_ms,
            "leaders": len(self.leaders),
            **{name: getattr(found, name) for name in names},
            "unreadable": self.unreadable,
            "miss_rate": found.miss_rate,
            "late_from_ms": self.late_ms,
            "lag_ms": {f"p{percent}": found.lag_ms(percent) for percent in _PERCENTILES},
            "sources": {name: vars(sight) for name, sight in found.sources.items()},
            "findings": [
                {"kind": each.kind, "fills": each.fills, **each.key._asdict()} for each in found.findings[:SHOWN]
            ],
            "ok": found.clean,
        }


def main(
    url: str,
    *,
    hours: float,
    leaders: str | None,
    as_json: bool,
    env_file: str | None = None,
    clock: Clock | None = None,
) -> int:
    """Audit and print; return 1 when something was missed or doubled."""
    flags = ["--env-file", env_file] if env_file else []
    given = {"tracked_wallets": leaders} if leaders else {}
    cfg = parse(AuditSettings, flags, redis_url=url, **given)
    with connect_redis(url) as redis:
        found = audit(redis, cfg, hours, clock or SystemClock())
    if as_json:
        print(json.dumps(found.figures()))  # noqa: T201 - for machines
    else:
        _show(found, Terminal())
    return 0 if found.result.clean else 1


def audit(redis: Redis, cfg: AuditSettings, hours: float, clock: Clock) -> AuditResult:
    """Compare the last `hours` hours.

    Raises:
        BadConfig: nobody to audit.
        TryAgain: the server is away, or the Data API stays away.
    """
    end_ms = clock.now_ms() - round(cfg.audit_settle_s * 1000)
    start_ms = clock.now_ms() - round(hours * 3_600_000)
    since = start_ms - MARGIN_MS
    starts = {leader: max(start_ms, at) for leader, at in _followed(redis, since).items()}
    leaders = cfg.tracked_wallets or tuple(starts)
    if not leaders:
        raise BadConfig(_NO_LEADER)
    reader = _Reader(redis, cfg, clock)
    shown = [fill for leader in leaders for fill in reader.trades(leader, since // 1000)]
    sighted = SignalledFill(
        tuple(_events(redis, SIGNALS, ActionableSignal, since)),
        tuple(_events(redis, SIGHTINGS, FillConfirmed, since)),
        (*_events(redis, SIGHTINGS, FillRetracted, since), *_events(redis, SIGNALS, FillRetracted, since)),
    )
    ends = {leader: taken.at_ms for leader, taken in unfollowed(redis).items()}
    span = AuditSpan({leader: starts.get(leader, start_ms) for leader in leaders}, end_ms, ends)
    late_ms = round(cfg.audit_late_s * 1000)
    return AuditResult(
        leaders, start_ms, end_ms, late_ms, compare_signals(shown, sighted, span, late_ms), reader.unreadable
    )


class _Reader:
    """The Data API, read patiently."""

    def __init__(self, redis: Redis, cfg: AuditSettings, clock: Clock) -> None:
        self.unreadable = 0
        self._clock, self._never = clock, threading.Event()
        limits = GateLimits(cfg.data_api_rate_per_s, burst=cfg.data_api_burst)
        gates = [
            RateGate(redis, "data_api", limits, clock=clock),
            RateGate(redis, "audit", GateLimits(cfg.audit_rate_per_s), clock=clock),
        ]
        upstream = Upstream(
            "data_api", cfg.data_api_url, gates, clock=clock, stop=self._never, timeout_s=cfg.http_timeout_s
        )
        self._api: ActivityApi = activity_api(cfg.data_api_version, upstream, clock)

    def trades(self, leader: str, start_s: int) -> Iterator[LeaderFill]:
        """Yield a leader's trades from a second on, oldest first."""
        walk = PageWalker(max(1, start_s), exact_cursors=self._api.exact_cursors)
        while not walk.done:
            page = self._page(leader, walk)
            reading = read_activity(page.rows, leader, self._api.names)
            self.unreadable += len(reading.problems)
            yield from walk.add_page(reading.fills, page.next_cursor, has_more=page.has_more)
        if walk.stuck:
            raise Unavailable(f"leader {leader}: more rows are promised, but no cursor leads to them")

    def _page(self, leader: str, walk: PageWalker) -> ActivityPage:
        for tries in itertools.count(1):
            try:
                return self._api.page(leader, walk.start_s, walk.cursor, GateLane.CATCHUP)
            except (TryAgain, Malformed):
                if tries == _TRIES:
                    raise
                self._clock.wait(self._never, _BACKOFF.wait_s(tries - 1))
        raise AssertionError


def _followed(redis: Redis, since_ms: int) -> dict[str, int]:
    """Return since when each leader is followed: by the detectors' own reports, and by `hybrid follow`."""
    added = followed_leaders(redis)
    starts: dict[str, int] = {}
    for kind in (HybridProgress, HybridSummary):
        for report in _events(redis, SIGNALS, kind, since_ms):
            began_ms = report.emitted_at_ms - report.runtime_ms
            for leader in report.leaders:
                starts[leader] = min(began_ms, starts.get(leader, began_ms))
    return {leader: max(at, added[leader].added_at_ms) if leader in added else at for leader, at in starts.items()}


def _events(redis: Redis, stream: str, kind: type[E], since_ms: int) -> Iterator[E]:
    """Yield a stream's events of one kind, published since a moment."""
    return (event for event in events(redis, stream, since_ms) if type(event) is kind)


def _show(found: AuditResult, console: Terminal) -> None:
    result = found.result
    hours = (found.end_ms - found.start_ms) / 3_600_000
    title = f"Audit of {len(found.leaders)} leaders over {hours:.1f} h"
    caption = f"miss rate {result.miss_rate:.4%} of {result.fills} fills; {found.unreadable} rows unreadable"
    table = Table("", "fills", title=title, caption=caption)
    for name in ("fills", "missed", "doubled", "wrong", "unknown", "retracted"):
        table.add_row(_MEANINGS[name], str(getattr(result, name)))
    console.print(table)
    lags = ", ".join(f"p{percent} {_seconds(result.lag_ms(percent))}" for percent in _PERCENTILES)
    console.print(f"{result.signals} signals, {result.late} late ({found.late_ms / 1000:g} s or more); lag {lags}")
    sources = Table("source", "first", "confirmed", "never saw", title="Signals by source")
    for name, sight in result.sources.items():
        sources.add_row(name, str(sight.first), str(sight.confirmed), str(sight.never))
    console.print(sources)
    for each in result.findings[:SHOWN]:
        key = each.key
        console.print(f"{each.kind}: {each.fills} of {key.leader} {key.side} {key.token_id} in {key.tx_hash}")


def _seconds(lag_ms: int | None) -> str:
    return "-" if lag_ms is None else f"{lag_ms / 1000:.1f} s"
