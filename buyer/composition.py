"""Build a buyer from its settings; `composition_modes` says where live and paper differ."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import Any

from redis import Redis

from buyer.composition_modes import MODE_STEPS, ProcessParts, TradingMode, lock_name, mode_of
from buyer.composition_shards import Emit, ShardBuilder
from buyer.config import BuyerSettings
from buyer.domain.order_book import BookTrust
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.decision_text import decision_text
from buyer.market_data.account_keeper import AccountKeeper
from buyer.market_data.book_cache import BookCache
from buyer.market_data.book_recorder import BookRecorder
from buyer.market_data.held_books import HeldBooks
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.shard_supervisor import ShardSupervisor
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_leases import LAYOUT
from buyer.stdin_consumer import PipeLines, StdinConsumer
from buyer.strategy.limits import leader_limits_of
from shared import logs
from shared.clock import Clock, SystemClock
from shared.domain.errors import TryAgain
from shared.domain.trading_controls import turn_control
from shared.http.client import Upstream
from shared.ledger.marks_folder import MarksFolder
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import BOOKS, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.polymarket.market_facts import MarketCache
from shared.polymarket.market_store import MarketStore
from shared.process import outlet
from shared.process.instance_lock import instance_lock
from shared.process.process_name import installation_address, process_address
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.partitioning import Partitioning
from shared.redis.server_memory import ServerMemory
from shared.redis.side_stream import SideStream
from shared.websocket import open_socket

STDIN = 0
"""The file descriptor of standard input."""
PATIENCE = 1.5
"""Leases' lengths that a buyer of another number of shards is waited for."""


@dataclass(frozen=True)
class BuiltBuyer:
    """A buyer, and its form that reads a pipe."""

    service: ShardSupervisor
    pipe: StdinConsumer | None
    mode: TradingMode

    @property
    def active(self) -> ShardSupervisor | StdinConsumer:
        """Return the form that decides."""
        return self.pipe or self.service


class BuyerProcess:
    """The buyer as `shared.process.service_runner` runs it: built when it starts, on the process's own stop event."""

    name = "buyer"

    def __init__(self, settings: BuyerSettings) -> None:
        self.mode = mode_of(settings)
        self._settings = settings
        self._built: BuiltBuyer | None = None

    def run(self, stop: threading.Event) -> None:
        """Decide until `stop`; one process for each consumer name on this machine and server (pitfall 21)."""
        settings = self._settings
        with only_one(settings):
            try:
                self._built = built = build_buyer(settings, stop=stop)
            except TryAgain:
                if stop.is_set():
                    return
                raise
            try:
                built.active.run(stop)
            finally:
                built.mode.close()
                logs.get_logger("buyer").info("summary", decisions=self.snapshot().get("decisions", {}))

    def ready(self) -> bool:
        """Say whether this buyer is the active one, and may buy."""
        return self._built is not None and self._built.active.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far and how the prices did."""
        if self._built is None:
            return {}
        waits = self._built.mode.buys_wait_for
        gaps = self._built.mode.gaps()
        return {
            **self._built.active.snapshot(),
            **({"buys_wait_for": waits} if waits else {}),
            **({"wallet_gaps": gaps} if gaps else {}),
        }


def only_one(settings: BuyerSettings) -> AbstractContextManager[Path]:
    """Hold what lets one process of this consumer's name and mode run on this machine and server.

    Raises:
        RefusedForSafety: another one runs: they would take the lease from each other without end.
    """
    return instance_lock(f"{lock_name(settings)}-{fact_id(settings.redis_url)[:8]}", settings.run_dir)


def print_decision(decision: BuyEngineDecision) -> None:
    """Write a decision to stdout as one JSON line."""
    outlet.print_line(decision_text(decision))


def build_buyer(
    settings: BuyerSettings,
    *,
    stop: threading.Event,
    clock: Clock | None = None,
    emit: Emit = print_decision,
    waiting: int = 0,
) -> BuiltBuyer:
    """Build the buyer: on paper, or live. A live one buys once the preflight passed, and sells what it holds before.

    Args:
        settings: How much to follow.
        stop: What the process stops on.
        clock: The time.
        emit: Gets each decision; one at a time, from whichever shard made it.
        waiting: Most signals handed over by `submit` that may wait; 0 when all come by the stream.

    Raises:
        RefusedForSafety: live trading was asked for and something stands against it; each reason with its fix.
        Unavailable: told to stop while the venue was away.
    """
    mode = mode_of(settings)
    steps = MODE_STEPS[mode]
    clock = clock or SystemClock()
    memory = ServerMemory()
    redis = connect_redis(settings.redis_url, greet=memory.greet, durability=settings.durability)
    steps.check_server(redis, settings)
    layout = _layout(settings, redis, mode, clock)
    folder = MarksFolder(settings.run_dir, fact_id(settings.redis_url)[:8], clock=clock, stop=stop)
    prices = market_prices(settings, redis, clock, stop)
    held = HeldBooks(clock, prices.sample)
    parts = ProcessParts(settings, redis, prices, clock, stop, folder if steps.on_disk else None, memory, held)
    trading = steps.begin(parts)
    builder = ShardBuilder(parts, trading, layout, _one_by_one(emit), waiting)
    holder = f"{settings.consumer}@{installation_address(settings.run_dir)}"
    shards = [TokenShard(number, layout.shards) for number in range(layout.shards)]
    leases = {shard: _lease(shard, builder, layout, holder) for shard in shards}
    shares = Partitioning(redis, f"buyers:{mode}", holder, ttl_s=settings.lease_s, version_key=LAYOUT)
    supervisor = ShardSupervisor(
        layout, shares, leases, builder.build, parts.prices.snapshot, clock=clock, lease_s=settings.lease_s
    )
    account_keeper(parts, held, mode).start(stop)
    logs.get_logger("buyer").info("limits", mode=mode, **said_limits(settings))
    pipe = _pipe(builder, layout, leases[ALL]) if settings.stdin else None
    return BuiltBuyer(supervisor, pipe, trading)


def said_limits(settings: BuyerSettings) -> dict[str, str]:
    """Return what a start says of how much it may spend and lose, in pUSD."""
    names = ("stake_usdc", "max_stake_usdc", "max_market_usdc", "max_event_usdc", "max_leader_usdc", "max_day_usdc")
    names = (*names, "max_total_usdc", "max_day_loss_usdc", "max_drawdown_usdc", "max_orders_per_minute")
    own = {"leaders_of_their_own": str(len(leader_limits_of(settings.leader_limits)))} if settings.leader_limits else {}
    return {"sizing": settings.sizing, **{name: str(getattr(settings, name)) for name in names}, **own}


def account_keeper(parts: ProcessParts, held: HeldBooks, mode: str) -> AccountKeeper:
    """Return what keeps the account of the ledger of `mode` for who watches, on a connection of its own."""
    settings, redis = parts.settings, connect_redis(parts.settings.redis_url)
    store = MarketStore(redis, parts.clock)
    return AccountKeeper(
        redis,
        mode,
        held,
        lambda tokens: {one.facts.token_id: one.facts for one in store.read(tokens)},
        settings.limits.plain(),
        clock=parts.clock,
        every_s=settings.marks_every_s,
        keep_trades=settings.keep_trades,
    )


def _pipe(builder: ShardBuilder, layout: ShardCount, lease: Lease) -> StdinConsumer:
    """Return the form that reads lines: it decides on every token, so it holds the lease on all of them."""
    return StdinConsumer(PipeLines(STDIN), service=builder.build(ALL, lease), lease=lease, layout=layout)


def _lease(shard: TokenShard, builder: ShardBuilder, layout: ShardCount, holder: str) -> Lease:
    """Return the lease on a shard, which can only be taken while our number of shards stands."""
    parts, name = builder.parts, shard.lease(builder.mode.name)
    ttl_s = parts.settings.lease_s
    return Lease(parts.redis, name, holder, clock=parts.clock, ttl_s=ttl_s, only_while=layout.condition)


def _layout(settings: BuyerSettings, redis: Redis, mode: str, clock: Clock) -> ShardCount:
    """Return the layout; that the server lost it is told to the ledger before anything else."""
    ledger = RedisLedger(redis, mode)

    def halt(why: str) -> None:
        now_ms = clock.now_ms()
        ledger.commit(
            turn_control(
                f"halt:emptied:{now_ms}",
                on=True,
                who="buyer",
                why=why,
                now_ms=now_ms,
                where=process_address(),
                mode=mode,
            )
        )

    patience_s = settings.lease_s * PATIENCE
    return ShardCount(redis, settings.buyer_shards, clock=clock, patience_s=patience_s, halt=halt, mode=mode)


def _one_by_one(emit: Emit) -> Emit:
    """Let one thread at a time through: shards decide at the same moment, and lines must stay whole."""
    lock = threading.Lock()

    def emit_alone(decision: BuyEngineDecision) -> None:
        with lock:
            emit(decision)

    return emit_alone


def market_prices(settings: BuyerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> MarketPriceFeed:
    """Return the feed of facts and books, each upstream behind its shared gate."""

    def upstream(name: str, url: str, rate_per_s: float) -> Upstream:
        gate = RateGate(redis, name, GateLimits(rate_per_s, burst=max(1, round(rate_per_s / 5))), clock=clock)
        return Upstream(name, url, [gate], clock=clock, stop=stop, timeout_s=settings.http_timeout_s)

    gamma = upstream("gamma", settings.gamma_url, settings.gamma_rate_per_s)
    clob = upstream("clob_reads", settings.clob_url, settings.clob_rate_per_s)
    markets = MarketCache(gamma, clock=clock, stop=stop, store=MarketStore(redis, clock))
    if not settings.warm_tokens:
        return MarketPriceFeed(markets, clob, clock=clock)
    live = BookCache(
        partial(open_socket, "market_channel", settings.clob_market_url),
        upstream("clob_batches", settings.clob_url, settings.clob_batch_rate_per_s),
        clock=clock,
        stop=stop,
        random=SystemRandom().random,
        most=settings.warm_tokens,
        trust=BookTrust.within(settings.max_book_age_s),
    )
    if settings.capture_books:
        side = SideStream(connect_redis(settings.redis_url), BOOKS, clock=clock, stop=stop)
        writer = f"{settings.consumer}@{process_address()}"
        BookRecorder(live, side, clock, writer).start(stop)
    return MarketPriceFeed(markets, clob, clock=clock, live=live)
