"""Build a whole detector from its settings: every part of it is put together here, and nowhere else.

| source | threads | polled every | read in the catch-up lane |
|---|---|---|---|
| `data_api` | `WORKERS` | `POLL_EVERY_S` to `POLL_AT_MOST_EVERY_S`: who trades more, more often | new leaders, gaps |
| `chain_logs` | 1 | `CHAIN_POLL_EVERY_S` | blocks missed in a downtime |
| `rtds` | 1 | pushed, not polled | |
| `subgraph` | 1 | `SUBGRAPH_POLL_EVERY_S` | |

Which upstream and which gate each source has stands in `detector/composition_sources`.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TextIO

from redis import Redis

from detector.composition_sources import SourceBuilder
from detector.config import DetectorSettings
from detector.domain.emit_rule import FIRST, EmitRule
from detector.domain.matcher import Matcher
from detector.domain.source_port import Source
from detector.leaders.instance_name import claim_instance_name
from detector.leaders.leader_assignment import LeaderAssignment, LeadersFile
from detector.leaders.watchlist import Watchlist
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from detector.polling.poll_workers import PollWorkers
from detector.progress_reporter import ProgressCallback, ProgressReporter, SignalCallback
from detector.publishing.confirmation_recorder import ConfirmationRecorder
from detector.publishing.pending_confirmations import PendingConfirmations
from detector.publishing.pending_signals import PendingSignals
from detector.publishing.publish_loop import PublishLoop
from detector.publishing.receipt_evidence import ReceiptEvidence
from detector.publishing.receipt_witness import ReceiptWitness
from detector.publishing.recent_writes import RecentWrites
from detector.publishing.replaced_transactions import ReplacedTransactions
from detector.publishing.retraction import Retraction
from detector.publishing.retry_until_up import RetryUntilUp
from detector.publishing.signal_publisher import Emit, Label, SignalPublisher, no_label
from detector.publishing.unmined_signals import UnminedSignals
from shared.clock import Clock
from shared.http.client import Upstream
from shared.messages.signals import FillConfirmed
from shared.polymarket.market_facts import MarketCache
from shared.process.process_name import process_address
from shared.rate_limit.gate import RateGate
from shared.redis.followed_leaders import DETECTORS, VERSION
from shared.redis.partitioning import Partitioning
from shared.redis.server_memory import ServerMemory

ADAPTIVE = frozenset({"data_api"})
"""Sources polled leader by leader: several threads, and whoever trades more often comes round more often."""


@dataclass(frozen=True)
class DetectorParts:
    """What watches the venue: sources, and what they share. Tests give their own."""

    sources: tuple[Source, ...]
    gates: tuple[RateGate, ...]
    upstreams: tuple[Upstream, ...]
    markets: MarketCache | None
    cursors: CursorStore
    leaders: Watchlist = field(default_factory=Watchlist)
    assignment: LeaderAssignment | None = None
    retraction: Retraction | None = None
    replaced: ReplacedTransactions | None = None
    unmined: UnminedSignals | None = None
    witness: ReceiptWitness | None = None
    recent: RecentWrites | None = None


@dataclass(frozen=True)
class RunningParts:
    """What the detector runs on threads of its own, and what they report to."""

    stats: SourceStats
    reporter: ProgressReporter
    publisher: PublishLoop
    pollers: tuple[PollWorkers, ...]
    instance: str


def build_parts(
    cfg: DetectorSettings, redis: Redis, *, clock: Clock, stop: threading.Event, memory: ServerMemory | None = None
) -> DetectorParts:
    """Build the sources that the settings name, and what says whom they watch; `memory` is of the server."""
    leaders, cursors, recent = Watchlist(cfg.leaders), CursorStore(redis, clock), RecentWrites(clock, memory)
    built = SourceBuilder(cfg, redis, leaders, cursors, clock=clock, stop=stop, recent=recent).build()
    evidence = built.evidence or (ReceiptEvidence(built.second_node) if built.second_node else None)
    return DetectorParts(
        built.sources,
        built.gates,
        built.upstreams,
        built.markets,
        cursors,
        leaders,
        assignment=_build_assignment(cfg, redis, leaders, cursors, clock=clock, stop=stop),
        retraction=built.retraction,
        replaced=built.replaced,
        unmined=built.unmined,
        witness=ReceiptWitness(evidence, within_s=cfg.confirm_within_s, clock=clock, stop=stop) if evidence else None,
        recent=recent,
    )


def build_running(
    cfg: DetectorSettings,
    redis: Redis,
    parts: DetectorParts,
    *,
    clock: Clock,
    stop: threading.Event,
    out: TextIO,
    signal_callback: SignalCallback | None = None,
    progress_callback: ProgressCallback | None = None,
) -> RunningParts:
    """Build what polls `parts`, matches, publishes and reports; nothing is started yet."""
    stats = SourceStats((source.name for source in parts.sources), clock=clock, rules=cfg.health_rules)
    reporter = ProgressReporter(redis, out, signal_callback, progress_callback)
    if parts.retraction:
        parts.retraction.announce = reporter.retraction
    publisher = build_publish_loop(
        redis,
        stats,
        parts.cursors,
        reporter.signal,
        clock=clock,
        stop=stop,
        rule=cfg.rule,
        markets=parts.markets,
        label=parts.assignment.label_of if parts.assignment else no_label,
        unmined=parts.unmined,
        witness=parts.witness,
        recent=parts.recent,
        replaced=parts.replaced,
        announce=reporter.confirmation,
    )
    pollers = tuple(
        _build_pollers(cfg, source, parts, publisher, stats, clock=clock, stop=stop) for source in parts.sources
    )
    instance = cfg.instance or f"detector@{process_address()}"
    return RunningParts(stats, reporter, publisher, pollers, instance)


def build_publish_loop(
    redis: Redis,
    stats: SourceStats,
    cursors: CursorStore,
    emit: Emit,
    *,
    clock: Clock,
    stop: threading.Event,
    rule: EmitRule = FIRST,
    markets: MarketCache | None = None,
    label: Label = no_label,
    unmined: UnminedSignals | None = None,
    witness: ReceiptWitness | None = None,
    recent: RecentWrites | None = None,
    replaced: ReplacedTransactions | None = None,
    announce: Callable[[FillConfirmed], None] = lambda _: None,
) -> PublishLoop:
    """Build what publishes under an emit rule; `label` names a leader."""
    retry, recent = RetryUntilUp(clock, stop), recent or RecentWrites(clock)
    publisher = partial(
        SignalPublisher, redis, stats, retry=retry, clock=clock, markets=markets, label=label, recent=recent
    )
    pending_signals = PendingSignals(redis, recent, announce)
    # Merges have a matcher of their own: only one source can show them, so no source is judged by what it cannot show.
    trades, merges = (
        publisher(Matcher(rule), emit, unmined=unmined, pending=pending_signals),
        publisher(Matcher(), emit),
    )
    replaced = replaced or ReplacedTransactions(redis)
    pending = PendingConfirmations(redis, rule.within_ms)
    recorder = ConfirmationRecorder(
        redis,
        stats,
        cursors,
        pending,
        retry=retry,
        clock=clock,
        stop=stop,
        witness=witness,
        recent=recent,
        pending_signals=pending_signals,
        replaced=replaced,
    )
    tell_again = partial(recent.tell_again, redis, retry)
    return PublishLoop(
        stats, trades, merges, recorder, clock=clock, stop=stop, replaced=replaced, tell_again=tell_again
    )


def _build_assignment(
    cfg: DetectorSettings,
    redis: Redis,
    leaders: Watchlist,
    cursors: CursorStore,
    *,
    clock: Clock,
    stop: threading.Event,
) -> LeaderAssignment:
    file = LeadersFile(cfg.leaders_file)
    file.read()  # before anything runs: a file that cannot be read ends the start with its reason
    shares = Partitioning(redis, DETECTORS, claim_instance_name(cfg), ttl_s=cfg.member_ttl_s, version_key=VERSION)
    # Four beats in a member's life: three may be late before another detector takes its leaders.
    every_s = cfg.member_ttl_s / 4
    return LeaderAssignment(
        leaders,
        cfg.leaders,
        file,
        shares,
        cursors,
        clock=clock,
        stop=stop,
        every_s=every_s,
        check_own=cfg.check_own_wallets,
    )


def _build_pollers(
    cfg: DetectorSettings,
    source: Source,
    parts: DetectorParts,
    publisher: PublishLoop,
    stats: SourceStats,
    *,
    clock: Clock,
    stop: threading.Event,
) -> PollWorkers:
    adaptive = source.name in ADAPTIVE
    return PollWorkers(
        source,
        publisher.sink,
        stats,
        clock=clock,
        stop=stop,
        workers=cfg.workers if adaptive else 1,
        at_most_every_s=cfg.poll_at_most_every_s if adaptive else 0,
        budget=_poll_budget(source.name, parts) if adaptive else None,
    )


def _poll_budget(name: str, parts: DetectorParts) -> Callable[[], float]:
    """Return what tells this detector's part of the budget for polls, as the gate has it now; 0 without a gate."""

    def per_s() -> float:
        gate = next((gate for gate in parts.gates if gate.name == name), None)
        members = parts.assignment.members if parts.assignment else 1
        return gate.snapshot().rate_now_per_s / members if gate else 0.0

    return per_s
