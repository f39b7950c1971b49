"""Build a buyer from its settings: the one place where live and paper differ is here."""

import os
import socket
import sys
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Literal

from redis import Redis

from buyer.bankroll import say_apart
from buyer.book_recorder import BookRecorder
from buyer.config import BuyerSettings
from buyer.layout import LAYOUT, Layout
from buyer.live_book import Trust
from buyer.parts import Emit, Parts
from buyer.pipe import PipeBuyer
from buyer.prices import MarketPriceFeed
from buyer.shard import ALL, Shard
from buyer.sharded import ShardedBuyer
from buyer.warm_books import WarmBooks
from shared.broker import connect
from shared.clock import Clock, SystemClock
from shared.errors import DependencyMissing, RefusedForSafety
from shared.events import BOOKS, BuyEngineDecision, fact_id, write_event
from shared.http import Upstream
from shared.lease import Lease
from shared.ledger import RedisLedger
from shared.money import to_micro
from shared.polymarket.market_store import MarketStore
from shared.polymarket.markets import MarketCache
from shared.process import instance_lock
from shared.rate_gate import GateLimits, RateGate
from shared.shares import Shares
from shared.side_stream import SideStream
from shared.switch import turn
from shared.websocket import open_socket

if TYPE_CHECKING:
    from buyer.live import LiveAccount

PAPER: Literal["paper"] = "paper"
LIVE: Literal["live"] = "live"
PATIENCE = 1.5
"""Leases' lengths that a buyer of another number of shards is waited for."""


@dataclass(frozen=True)
class Built:
    """A buyer, and its form that reads a pipe."""

    service: ShardedBuyer
    pipe: PipeBuyer | None

    @property
    def active(self) -> ShardedBuyer | PipeBuyer:
        """Return the form that decides."""
        return self.pipe or self.service


class BuyerProcess:
    """The buyer as `shared.process` runs it: built when it starts, on the process's own stop event."""

    name = "buyer"

    def __init__(self, settings: BuyerSettings) -> None:
        self.mode = mode_of(settings)
        self._settings = settings
        self._built: Built | None = None

    def run(self, stop: threading.Event) -> None:
        """Decide until `stop`; one process for each consumer name on this machine and server (trap 21)."""
        settings = self._settings
        with only_one(settings):
            self._built = build(settings, stop=stop)
            self._built.active.run(stop)

    def ready(self) -> bool:
        """Say whether this buyer is the active one."""
        return self._built is not None and self._built.active.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far and how the prices did."""
        return self._built.active.snapshot() if self._built else {}


def only_one(settings: BuyerSettings) -> AbstractContextManager[Path]:
    """Hold what lets one process of this consumer's name run on this machine and server.

    Raises:
        RefusedForSafety: another one runs: they would take the lease from each other without end.
    """
    return instance_lock(f"{settings.consumer}-{fact_id(settings.redis_url)[:8]}", settings.run_dir)


def mode_of(settings: BuyerSettings) -> Literal["paper", "live"]:
    """Return what was asked for; real money needs both words (trap 25).

    Raises:
        RefusedForSafety: only one of them was given.
    """
    if settings.live and not settings.dry_run:
        return LIVE
    if settings.live or not settings.dry_run:
        raise RefusedForSafety(
            "LIVE=true without DRY_RUN=false, or the other way round: nothing was started; give --live and "
            "--no-dry-run to trade with real money, neither to trade on paper"
        )
    return PAPER


def refuse_live(settings: BuyerSettings) -> None:
    """Stop before anything is built when real money was asked of a program that trades on paper only.

    Raises:
        RefusedForSafety: it was.
    """
    if settings.live or not settings.dry_run:
        raise RefusedForSafety(
            "LIVE=true or DRY_RUN=false: this program trades on paper only and nothing was started; "
            "run `python -m buyer --live --no-dry-run` beside it"
        )


def print_decision(decision: BuyEngineDecision) -> None:
    """Write a decision to stdout as one JSON line."""
    sys.stdout.write(write_event(decision) + "\n")
    sys.stdout.flush()


def build(
    settings: BuyerSettings,
    *,
    stop: threading.Event,
    clock: Clock | None = None,
    emit: Emit = print_decision,
    waiting: int = 0,
) -> Built:
    """Build the buyer: on paper, or live once the preflight passed.

    Args:
        settings: How much to follow.
        stop: What the process stops on.
        clock: The time.
        emit: Gets each decision; one at a time, from whichever shard made it.
        waiting: Most signals handed over by `submit` that may wait; 0 when all come by the stream.

    Raises:
        RefusedForSafety: live trading was asked for and something stands against it; each reason with its fix.
    """
    mode = mode_of(settings)
    clock = clock or SystemClock()
    redis = connect(settings.redis_url)
    layout = _layout(settings, redis, mode, clock)
    prices = _prices(settings, redis, clock, stop)
    account = _live(settings, redis, clock, stop) if mode == LIVE else None
    bankroll = account.bankroll if account else to_micro(settings.paper_bankroll_usdc)
    say_apart(RedisLedger(redis, mode), bankroll, mode)
    parts = Parts(settings, mode, redis, layout, prices, account, _one_by_one(emit), clock, stop, waiting)
    holder = f"{settings.consumer}@{socket.gethostname()}"
    shards = [Shard(number, layout.shards) for number in range(layout.shards)]
    leases = {shard: _lease(shard, parts, holder) for shard in shards}
    shares = Shares(redis, f"buyers:{mode}", holder, ttl_s=settings.lease_s, version_key=LAYOUT)
    service = ShardedBuyer(layout, shares, leases, parts.open, prices.snapshot, clock=clock, lease_s=settings.lease_s)
    if not settings.stdin:
        return Built(service, None)
    lease = leases[ALL]
    return Built(service, PipeBuyer(_lines(), service=parts.open(ALL, lease), lease=lease, layout=layout))


def _lease(shard: Shard, parts: Parts, holder: str) -> Lease:
    """Return the lease on a shard, which can only be taken while our number of shards stands."""
    ttl_s, condition = parts.settings.lease_s, parts.layout.condition
    return Lease(parts.redis, shard.lease(parts.mode), holder, clock=parts.clock, ttl_s=ttl_s, only_while=condition)


def _layout(settings: BuyerSettings, redis: Redis, mode: str, clock: Clock) -> Layout:
    """Return the layout; that the server lost it is told to the ledger before anything else."""
    ledger = RedisLedger(redis, mode)

    def halt(why: str) -> None:
        now_ms = clock.now_ms()
        ledger.commit(turn(f"halt:emptied:{now_ms}", on=True, who="buyer", why=why, now_ms=now_ms))

    patience_s = settings.lease_s * PATIENCE
    return Layout(redis, settings.buyer_shards, clock=clock, patience_s=patience_s, halt=halt)


def _one_by_one(emit: Emit) -> Emit:
    """Let one thread at a time through: shards decide at the same moment, and lines must stay whole."""
    lock = threading.Lock()

    def told(decision: BuyEngineDecision) -> None:
        with lock:
            emit(decision)

    return told


def _live(settings: BuyerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> "LiveAccount":
    """Open the account that only a live buyer has; its libraries are an extra that paper does without.

    Raises:
        DependencyMissing: the extra is not installed.
    """
    try:
        from buyer.live import LiveAccount  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"--live needs the extra `live` ({error}): `make install`") from error
    return LiveAccount(settings, redis, clock=clock, stop=stop)


def _lines() -> Iterable[str]:
    """Return standard input line by line; bytes that are no text must not end the buyer."""
    return (line.decode("utf-8", "replace") for line in sys.stdin.buffer)


def _prices(settings: BuyerSettings, redis: Redis, clock: Clock, stop: threading.Event) -> MarketPriceFeed:
    def upstream(name: str, url: str, rate_per_s: float) -> Upstream:
        gate = RateGate(redis, name, GateLimits(rate_per_s, burst=max(1, round(rate_per_s / 5))), clock=clock)
        return Upstream(name, url, [gate], clock=clock, stop=stop, timeout_s=settings.http_timeout_s)

    gamma = upstream("gamma", settings.gamma_url, settings.gamma_rate_per_s)
    clob = upstream("clob_reads", settings.clob_url, settings.clob_rate_per_s)
    markets = MarketCache(gamma, clock=clock, stop=stop, store=MarketStore(redis, clock))
    if not settings.warm_tokens:
        return MarketPriceFeed(markets, clob, clock=clock)
    live = WarmBooks(
        partial(open_socket, "market_channel", settings.clob_market_url),
        upstream("clob_batches", settings.clob_url, settings.clob_batch_rate_per_s),
        clock=clock,
        stop=stop,
        random=SystemRandom().random,
        most=settings.warm_tokens,
        trust=Trust.within(settings.max_book_age_s),
    )
    if settings.capture_books:
        side = SideStream(connect(settings.redis_url), BOOKS, clock=clock, stop=stop)
        writer = f"{settings.consumer}@{socket.gethostname()}:{os.getpid()}"
        BookRecorder(live, side, clock, writer).start(stop)
    return MarketPriceFeed(markets, clob, clock=clock, live=live)
