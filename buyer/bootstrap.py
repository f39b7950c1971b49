"""Build a buyer from its settings: the one place where live and paper differ is here."""

import queue
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Literal

from redis import Redis

from buyer.adoption import Adoption
from buyer.config import BuyerSettings
from buyer.engine import Engine, Identity
from buyer.exit_desk import ExitDesk
from buyer.exit_tasks import ExitTasks
from buyer.journal import Journal
from buyer.live_book import Trust
from buyer.pipe import PipeBuyer
from buyer.prices import MarketPriceFeed
from buyer.service import GROUP, BuyerService
from buyer.settling import Settling
from buyer.venue.paper import PaperVenue
from buyer.venue.shadow import Shadowed
from buyer.warm_books import WarmBooks
from shared import logs
from shared.broker import connect
from shared.clock import Clock, SystemClock
from shared.errors import DependencyMissing, RefusedForSafety
from shared.events import SIGNALS, ActionableSignal, BuyEngineDecision, fact_id, write_event
from shared.http import Upstream
from shared.lease import Lease
from shared.ledger import RedisLedger
from shared.life import code_version
from shared.money import to_micro
from shared.polymarket.market_store import MarketStore
from shared.polymarket.markets import MarketCache
from shared.process import instance_lock
from shared.rate_gate import GateLimits, RateGate
from shared.streams import GroupReader
from shared.websocket import open_socket

if TYPE_CHECKING:
    from buyer.live import LiveParts

PAPER: Literal["paper"] = "paper"
LIVE: Literal["live"] = "live"
BLOCK_MS = 1000

Emit = Callable[[BuyEngineDecision], None]


@dataclass(frozen=True)
class Built:
    """A buyer, and its form that reads a pipe."""

    service: BuyerService
    pipe: PipeBuyer | None


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
            (self._built.pipe or self._built.service).run(stop)

    def ready(self) -> bool:
        """Say whether this buyer is the active one."""
        return self._built is not None and (self._built.pipe or self._built.service).ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided so far and how the prices did."""
        return self._built.service.snapshot() if self._built else {}


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
    inbox: "queue.Queue[ActionableSignal] | None" = None,
) -> Built:
    """Build the buyer: on paper, or live once the preflight passed.

    Raises:
        RefusedForSafety: live trading was asked for and something stands against it; each reason with its fix.
    """
    mode = mode_of(settings)
    clock = clock or SystemClock()
    redis = connect(settings.redis_url)
    holder = f"{settings.consumer}@{socket.gethostname()}"
    lease = Lease(redis, f"buyer:{mode}", holder, clock=clock, ttl_s=settings.lease_s)
    ledger = RedisLedger(redis, mode)
    journal = Journal(ledger, lambda: lease.fence)
    prices = _prices(settings, redis, clock, stop)
    settling, adoption = Settling(ledger, lambda: lease.fence), Adoption(ledger, lambda: lease.fence)
    live = _live(settings, redis, adoption, settling, prices, clock, stop) if mode == LIVE else None
    if live:
        journal.order_at(live.venue.turns)
    counting: list[BuyerService] = []

    def announce(decision: BuyEngineDecision) -> None:
        counting[0].decided(decision)
        if live:
            live.settlement.watch(decision)
        try:
            emit(decision)
        except (OSError, ValueError) as error:
            logs.get("buyer").warning("nobody_reads_decisions", error=str(error))

    paper = PaperVenue(prices, clock=clock, stop=stop, latency_s=settings.paper_latency_s)
    engine = Engine(
        journal=journal,
        prices=prices,
        venue=Shadowed(live.venue, prices.book_at_hand) if live else paper,
        clock=clock,
        limits=settings.limits,
        identity=Identity(mode, settings.limits.id, code_version()),
        emit=announce,
    )
    service = BuyerService(
        engine=engine,
        journal=journal,
        prices=prices,
        lease=lease,
        reader=_reader(settings, clock, inside=inbox is not None),
        clock=clock,
        bankroll=live.bankroll if live else to_micro(settings.paper_bankroll_usdc),
        inbox=inbox,
        settlement=live.settlement if live else None,
        recovery=live.recovery if live else None,
        desk=ExitDesk(engine, ExitTasks(ledger, lambda: lease.fence), prices, clock=clock, limits=settings.limits),
        lanes=live.lanes if live else None,
    )
    counting.append(service)
    pipe = None
    if settings.stdin:
        pipe = PipeBuyer(_lines(), service=service, lease=lease)
    return Built(service, pipe)


def _live(
    settings: BuyerSettings,
    redis: Redis,
    adoption: Adoption,
    settling: Settling,
    prices: MarketPriceFeed,
    clock: Clock,
    stop: threading.Event,
) -> "LiveParts":
    """Build what only a live buyer has; its libraries are an extra that paper does without.

    Raises:
        DependencyMissing: the extra is not installed.
    """
    try:
        from buyer.live import live_parts  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(
            f"--live needs the extra `live` ({error}): pip install 'hybrid-signals[live]'"
        ) from error
    return live_parts(settings, redis, adoption, settling, prices, clock=clock, stop=stop)


def _lines() -> Iterable[str]:
    """Return standard input line by line; bytes that are no text must not end the buyer."""
    return (line.decode("utf-8", "replace") for line in sys.stdin.buffer)


def _reader(settings: BuyerSettings, clock: Clock, *, inside: bool) -> GroupReader:
    """Block for new entries on a connection of its own; inside another process the inbox does the waiting."""
    block_ms = 1 if inside else BLOCK_MS
    return GroupReader(
        connect(settings.redis_url, blocking_s=BLOCK_MS / 1000),
        SIGNALS,
        GROUP,
        settings.consumer,
        clock=clock,
        sole=True,
        block_ms=block_ms,
    )


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
    return MarketPriceFeed(markets, clob, clock=clock, live=live)
