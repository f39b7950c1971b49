"""`hybrid follow`, `unfollow` and `leaders`: the wallets that running detectors watch; changes count within seconds."""

import contextlib
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from redis import Redis

from buyer.sharding.shard_leases import MODES
from detector.polling.backfill_gaps import GAPS
from detector.polling.cursors import CURSORS
from ops.operator.controls import who
from ops.operator.lots import sell
from ops.research.proxy_wallets import ResolvedWallet, resolve
from shared.clock import Clock
from shared.config import Settings, parse
from shared.domain.errors import BadConfig, Malformed
from shared.domain.ledger_accounts import sells_only_account
from shared.domain.ledger_write import BalanceGuard, LedgerWrite
from shared.domain.redaction import without_keys
from shared.http.client import Upstream
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.service import HybridProgress, HybridSummary
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.leader_fills import ADDRESS
from shared.polymarket.wire.wallets import PROTOCOL
from shared.process.beats import read_standings, server_ms
from shared.redis.client import answering
from shared.redis.followed_leaders import (
    FollowedLeader,
    Unfollowed,
    brought_leaders,
    follow_leader,
    followed_leaders,
    leader_labels,
    unfollow_leader,
    unfollowed,
)
from shared.redis.pipeline_record import read_record
from shared.redis.streams import stream_tail

_REPORTS = 400
_SILENT_MS = 900_000
AfterUnfollow = Literal["mirror", "sell", "keep"]
"""What becomes of the lots of a leader who is not followed any more."""


@dataclass(frozen=True)
class LeaderRow:
    """One line of the table."""

    address: str
    label: str
    comes_from: str
    state: str
    watched: bool = False
    exit_only: bool = False


def checked(address: str) -> str:
    """Return an address in our form.

    Raises:
        BadConfig: it is none, or one of the venue's own contracts.
    """
    wanted = address.strip().lower()
    if not ADDRESS.fullmatch(wanted):
        told = without_keys(repr(address))
        raise BadConfig(f"{told} is no address: give 0x and 40 hex digits, as in the link of a profile page")
    if wanted in PROTOCOL:
        raise BadConfig(f"{wanted} is {PROTOCOL[wanted]}: a contract of the venue, not a trader")
    return wanted


def look_up(address: str, clock: Clock, stop: threading.Event | None = None) -> ResolvedWallet:
    """Ask the venue and the chain which wallet trades for `address`.

    Raises:
        BadConfig: none does; with what to give instead.
        TryAgain: they do not answer now; `--offline` follows without asking.
    """
    cfg, stop = parse(Settings, []), stop or threading.Event()
    data = Upstream("data_api", cfg.data_api_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    node = Upstream("rpc", cfg.rpc_url, [], clock=clock, stop=stop, timeout_s=cfg.http_timeout_s)
    try:
        return resolve(address, ActivityV2(data, clock), PolygonClient(node))
    finally:
        data.close()
        node.close()


def add(redis: Redis, address: str, label: str, clock: Clock) -> bool:
    """Follow from now on; return False when it was followed already.

    What is left of an earlier time of following goes first: nobody wants the trades of the time between.

    Raises:
        BadConfig: it is a wallet of ours (pitfall 44).
    """
    if address in read_record(redis).own:
        raise BadConfig(f"{address} is a wallet of yours: following it, each of your orders would set off the next")
    away = address in unfollowed(redis)
    if away or (address not in followed_leaders(redis) and not _watched(redis, address)):
        _forget(redis, address)
    _turn_buys(redis, address, off=False)
    return follow_leader(redis, address, FollowedLeader(label, clock.now_ms(), who())) or away


def remove(redis: Redis, address: str, clock: Clock, lots: AfterUnfollow = "mirror") -> str:
    """Unfollow, whoever names it: `hybrid follow`, environment or file; return what is left to do, '' when nothing is.

    Open lots of it are watched until its sells end them (`mirror`), sold now (`sell`), or left alone (`keep`).

    Raises:
        BadConfig: nobody follows it.
    """
    given = followed_leaders(redis).get(address)
    named = address in brought_leaders(redis) or (given is None and _reported(redis, address))
    if address in unfollowed(redis) or not (given or named):
        raise BadConfig(f"{address} is not followed: `hybrid leaders` shows who is")
    held = [(mode, lot) for mode in MODES for lot in open_lots(RedisLedger(redis, mode)) if lot.leader == address]
    _turn_buys(redis, address, off=True)
    label, leaving = given.label if given else "", lots != "keep"
    unfollow_leader(redis, address, Unfollowed(label, clock.now_ms(), who(), named, leaving))
    if lots == "sell":
        for mode, lot in held:
            sell(redis, mode, lot, None, "unfollowed", clock.now_ms())
    return f"open lots of it: {len(held)}; {_LEFT[lots]}" if held else ""


_LEFT: Mapping[AfterUnfollow, str] = {
    "mirror": "it is watched until they are gone: its sells are followed, its buys are not",
    "sell": "they are sold as soon as a buyer runs",
    "keep": "its sells are not seen any more, so triggers, `hybrid sell`, flatten and redemption end them",
}


def _turn_buys(redis: Redis, address: str, *, off: bool) -> None:
    """Let each ledger refuse or take buys because of a leader; one in which that is so already stays as it is."""
    account = sells_only_account(address)
    for mode in MODES:
        guards = (BalanceGuard(account, at_least=0, at_most=1),)
        write_id = f"sells-only:{uuid.uuid4()}"
        RedisLedger(redis, mode).commit(
            LedgerWrite(id=write_id, postings=((account, 1 if off else -1),), guards=guards)
        )


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


def _watched(redis: Redis, address: str) -> bool:
    return address in _watchers(redis, last_reports(redis))


def _reported(redis: Redis, address: str) -> bool:
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


def _forget(redis: Redis, address: str) -> None:
    with answering(redis):
        for key in (CURSORS, GAPS):
            fields = [field for field in cast("list[str]", redis.hkeys(key)) if f":{address}" in field]
            if fields:
                redis.hdel(key, *fields)
