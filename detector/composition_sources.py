"""Build the sources that the settings name: each upstream behind its own gate, which all processes share (S1).

| source | upstream | budget | gate |
|---|---|---|---|
| `data_api` | `DATA_API_URL` | `DATA_API_RATE_PER_S`, `DATA_API_BURST` | `data_api` |
| `chain_logs` | `RPC_URL` | `RPC_RATE_PER_S` | `rpc` |
| the second node (no source) | `SECOND_RPC_URL` | `RPC_RATE_PER_S` | `second_rpc` |
| `pending` | `PENDING_URLS` push; who may match is asked of `RPC_URL` | `RPC_RATE_PER_S` | `rpc`, `second_rpc` |
| `rtds` | `RTDS_URL` | asks nothing: its attempts to connect are paced by themselves | none |
| `subgraph` | `SUBGRAPH_URL` | `SUBGRAPH_RATE_PER_S` | `subgraph` |
| market facts (no source) | `GAMMA_URL` | `GAMMA_RATE_PER_S` | `gamma` |
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import SystemRandom

from redis import Redis

from detector.config import DetectorSettings
from detector.domain.evidence import Evidence
from detector.domain.source_port import Source
from detector.leaders.watchlist import Watchlist
from detector.monitoring.raw_recorder import RawRecorder
from detector.polling.backfill_gaps import BackfillGaps
from detector.polling.cursors import CursorStore
from detector.publishing.mined_check import MinedCheck
from detector.publishing.recent_writes import RecentWrites
from detector.publishing.replaced_transactions import ReplacedTransactions
from detector.publishing.retraction import Retraction
from detector.publishing.unmined_signals import UnminedSignals
from detector.sources.backfill import Backfill
from detector.sources.chain_logs import ChainLogsSource
from detector.sources.data_api import DataApiActivitySource
from detector.sources.push_connection import PushTimeouts
from detector.sources.rtds import RtdsSource
from detector.sources.subgraph import OrderbookSubgraphSource
from shared.clock import Clock
from shared.http.client import Upstream
from shared.messages.base import RAW
from shared.polymarket.data_api import activity_api
from shared.polymarket.market_facts import MarketCache
from shared.polymarket.market_store import MarketStore
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.subgraph import OrderbookSubgraph
from shared.polymarket.wire.event_prefetch import EventPrefetch
from shared.process.process_name import process_address
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLimits
from shared.reconnecting_socket import FrameConnection
from shared.redis.client import connect_redis
from shared.redis.side_stream import SideStream
from shared.websocket import open_socket


@dataclass(frozen=True)
class BuiltSources:
    """The sources, and what was built for them on the way."""

    sources: tuple[Source, ...]
    gates: tuple[RateGate, ...]
    upstreams: tuple[Upstream, ...]
    markets: MarketCache | None
    """Where facts of markets are at hand for signals; None where no hints are wanted."""
    retraction: Retraction
    replaced: ReplacedTransactions
    unmined: UnminedSignals | None
    """What the chain still has to show; None where nobody reads it."""
    second_node: PolygonClient | None
    evidence: Evidence | None
    """What proves a fill that only a node's log shows; None where `CONFIRM` does not ask for it."""


class SourceBuilder:
    """One build of the sources; upstreams and gates are noted as they are made."""

    def __init__(
        self,
        cfg: DetectorSettings,
        redis: Redis,
        leaders: Watchlist,
        cursors: CursorStore,
        *,
        clock: Clock,
        stop: threading.Event,
        recent: RecentWrites | None = None,
    ) -> None:
        self._recent = recent
        self._cfg, self._redis, self._leaders, self._cursors = cfg, redis, leaders, cursors
        self._clock, self._stop = clock, stop
        self._gates: list[RateGate] = []
        self._upstreams: list[Upstream] = []
        self._recorder = self._raw_recorder() if cfg.capture_raw else None
        self._outcomes: MarketCache | None = None
        self._replaced = ReplacedTransactions(redis)
        if recent:
            recent.stand(self._replaced.store_again)
        self._retraction = Retraction(redis, clock, recent, self._replaced)
        self._unmined = UnminedSignals(round(cfg.mined_within_s * 1000))
        self._nodes: dict[str, PolygonClient] = {}

    def build(self) -> BuiltSources:
        """Build what the settings ask for."""
        builders: dict[str, Callable[[], Source]] = {
            "data_api": self._data_api,
            "chain_logs": self._chain_logs,
            "rtds": self._rtds,
            "subgraph": self._subgraph,
        }
        # Gates and upstreams are listed in the order they are built in: market facts first, then the sources as named.
        markets = self._markets() if self._cfg.market_hints or self._cfg.reads_merges else None
        self._outcomes = markets if self._cfg.reads_merges else None
        sources = tuple(builders[name]() for name in self._cfg.sources)
        hints = markets if self._cfg.market_hints else None
        second = self._node("second_rpc") if self._cfg.second_rpc_url else None
        if self._cfg.pending_urls:
            sources += (self._pending(),)
        unmined = self._unmined if "chain_logs" in self._cfg.sources else None
        evidence = self._evidence() if self._cfg.confirm == "proof" else None
        gates, upstreams = tuple(self._gates), tuple(self._upstreams)
        return BuiltSources(
            sources, gates, upstreams, hints, self._retraction, self._replaced, unmined, second, evidence
        )

    def _data_api(self) -> Source:
        cfg = self._cfg
        limits = GateLimits(cfg.data_api_rate_per_s, burst=cfg.data_api_burst)
        upstream = self._upstream("data_api", cfg.data_api_url, limits)
        return DataApiActivitySource(
            activity_api(cfg.data_api_version, upstream, self._clock, merges=cfg.reads_merges),
            self._leaders,
            self._cursors,
            clock=self._clock,
            every_s=cfg.poll_every_s,
            overlap_s=cfg.overlap_s,
            backfill_s=cfg.backfill_s,
            past=Backfill("data_api", self._leaders, self._cursors, self._gaps_of("data_api")),
            outcomes=self._outcomes,
        )

    def _gaps_of(self, source: str) -> BackfillGaps:
        """Build a source's gaps, which a server that went back is told again."""
        gaps = BackfillGaps(self._redis, source, self._cursors)
        if self._recent:
            self._recent.stand(gaps.store_again)
        return gaps

    def _chain_logs(self) -> Source:
        cfg = self._cfg
        polygon = self._node("rpc")
        blocks = cfg.pending_blocks
        check = MinedCheck(
            self._redis,
            polygon,
            self._unmined,
            self._retraction,
            self._clock,
            pending_blocks=blocks,
            replaced=self._replaced,
        )
        return ChainLogsSource(
            polygon,
            self._leaders,
            self._cursors,
            clock=self._clock,
            every_s=cfg.chain_poll_every_s,
            rules=cfg.log_rules,
            retract=self._retraction,
            check=check,
        )

    def _node(self, name: str) -> PolygonClient:
        """Build a node's client, once; `rpc` or `second_rpc`."""
        if name not in self._nodes:
            url = self._cfg.rpc_url if name == "rpc" else self._cfg.second_rpc_url
            self._nodes[name] = PolygonClient(self._upstream(name, url, _limits(self._cfg.rpc_rate_per_s)))
        return self._nodes[name]

    def _pending(self) -> Source:
        """Build the source of pending matches: nodes push to it; who may match is asked of our own nodes."""
        from detector.sources.pending.parts import build_pending  # noqa: PLC0415 - libraries in C that only it needs

        cfg = self._cfg
        dials: dict[str, Callable[[], FrameConnection]] = {
            name: self._recorded_node(name, partial(open_socket, f"pending {name}", url))
            for name, url in cfg.pending_nodes.items()
        }
        return build_pending(
            dials,
            self._leaders,
            self._trusted_nodes(),
            self._redis,
            clock=self._clock,
            stop=self._stop,
            random=SystemRandom().random,
            max_age_ms=round(cfg.pending_max_age_s * 1000),
        )

    def _recorded_node(self, name: str, dial: Callable[[], FrameConnection]) -> Callable[[], FrameConnection]:
        """Have a node's words recorded where raw answers are: matches whole, others as far as they fit."""
        if not self._recorder:
            return dial
        from detector.monitoring.frame_budget import FrameBudget  # noqa: PLC0415 - only where it is asked for

        return self._recorder.tap_connections(f"pending {name}", dial, FrameBudget(name, self._clock).keeps)

    def _evidence(self) -> Evidence:
        from detector.sources.pending.parts import build_evidence  # noqa: PLC0415 - likewise

        return build_evidence(self._trusted_nodes(), clock=self._clock)

    def _trusted_nodes(self) -> list[PolygonClient]:
        return [self._node("rpc"), *([self._node("second_rpc")] if self._cfg.second_rpc_url else [])]

    def _rtds(self) -> Source:
        """Build the push feed: no gate, since it asks nothing; its attempts to connect are paced by themselves."""
        cfg = self._cfg
        dial: Callable[[], FrameConnection] = partial(open_socket, "rtds", cfg.rtds_url)
        return RtdsSource(
            self._recorder.tap_connections("rtds", dial) if self._recorder else dial,
            self._leaders,
            clock=self._clock,
            stop=self._stop,
            random=SystemRandom().random,
            sockets=cfg.rtds_sockets,
            patience=PushTimeouts(mute_s=cfg.rtds_mute_s, late_s=cfg.rtds_late_s),
        )

    def _subgraph(self) -> Source:
        cfg = self._cfg
        upstream = self._upstream("subgraph", cfg.subgraph_url, _limits(cfg.subgraph_rate_per_s))
        return OrderbookSubgraphSource(
            OrderbookSubgraph(upstream),
            self._leaders,
            self._cursors,
            clock=self._clock,
            every_s=cfg.subgraph_poll_every_s,
            overlap_s=cfg.subgraph_overlap_s,
            backfill_s=cfg.backfill_s,
            leaders_at_once=cfg.subgraph_leaders_at_once,
        )

    def _markets(self) -> MarketCache:
        gamma = self._upstream("gamma", self._cfg.gamma_url, _limits(self._cfg.gamma_rate_per_s))
        store = MarketStore(self._redis, self._clock)
        return MarketCache(gamma, clock=self._clock, stop=self._stop, store=store, siblings=EventPrefetch())

    def _raw_recorder(self) -> RawRecorder:
        """Build what records raw answers, on a connection of its own."""
        side = SideStream(connect_redis(self._cfg.redis_url), RAW, clock=self._clock, stop=self._stop)
        writer = f"{self._cfg.instance or 'detector'}@{process_address()}"
        return RawRecorder(side, self._clock, writer)

    def _upstream(self, name: str, url: str, limits: GateLimits) -> Upstream:
        gate = RateGate(self._redis, name, limits, clock=self._clock)
        tap = self._recorder.record_answer if self._recorder else None
        timeout_s = self._cfg.http_timeout_s
        upstream = Upstream(name, url, [gate], clock=self._clock, stop=self._stop, timeout_s=timeout_s, tap=tap)
        self._gates.append(gate)
        self._upstreams.append(upstream)
        return upstream


def _limits(rate_per_s: float) -> GateLimits:
    """Return a budget whose burst is a fifth of a second's worth, as every other user of these gates has it."""
    return GateLimits(rate_per_s, burst=max(1, round(rate_per_s / 5)))
