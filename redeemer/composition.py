"""Build a redeemer or its worker from settings: the one place that knows every part."""

import socket
import threading
from collections.abc import Callable
from typing import Any

from redis import Redis

from redeemer import composition_live
from redeemer.composition_live import upstreams
from redeemer.config import RedeemerSettings
from redeemer.jobs.queue import Enqueue, PayingRedeemer, RedemptionQueue, redeem_inline
from redeemer.jobs.rq_worker import RedeemWorker
from redeemer.redemption.paper_redeemer import PaperRedeemer
from redeemer.redemption.planner import PaperPlan, RedemptionPlan
from redeemer.redemption.resolutions import Resolutions
from redeemer.watcher import ResolutionWatcher
from shared.clock import Clock, SystemClock
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.messages.events import write_event
from shared.polymarket.wire.contracts import overridden_contracts
from shared.process import outlet
from shared.rate_limit.limits import GateLane
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.pipeline_record import note_wallet

PAPER = "paper"
SHORTEST_LEASE_S = 10.0

Emit = Callable[[Event], None]


class RedeemerProcess:
    """The watcher as `shared.process.service_runner` runs it: built when it starts, on the process's own stop event."""

    name = "redeemer"

    def __init__(self, settings: RedeemerSettings) -> None:
        self.mode = redeemer_mode(settings)
        self._settings = settings
        self._built: ResolutionWatcher | None = None

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop`."""
        self._built = build_watcher(self._settings, stop=stop)
        self._built.run(stop)

    def ready(self) -> bool:
        """Say whether the last look worked."""
        return self._built is not None and self._built.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was seen and done so far."""
        return self._built.snapshot() if self._built else {}


class WorkerProcess:
    """The worker as `shared.process.service_runner` runs it."""

    name = "redeemer-worker"

    def __init__(self, settings: RedeemerSettings) -> None:
        self.mode = redeemer_mode(settings)
        self._settings = settings
        self._built: RedeemWorker | None = None

    def run(self, stop: threading.Event) -> None:
        """Run jobs until `stop`."""
        self._built = build_worker(self._settings, stop=stop)
        self._built.run(stop)

    def ready(self) -> bool:
        """Say whether it waits for jobs on a server that answers."""
        return self._built is not None and self._built.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return how many jobs ran, and how."""
        return self._built.snapshot() if self._built else {}


def print_event(event: Event) -> None:
    """Write an event to stdout as one JSON line."""
    outlet.print_line(write_event(event))


def redeemer_mode(settings: RedeemerSettings) -> str:
    """Return which ledger is served: `paper` or `live`."""
    return composition_live.LIVE if settings.live else PAPER


def build_watcher(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, enqueue: Enqueue | None = None
) -> ResolutionWatcher:
    """Build the watcher; its jobs go to rq unless `enqueue` takes them.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: live, and the key or the wallet is not as it must be.
    """
    clock = clock or SystemClock()
    redis = connect_redis(settings.redis_url)
    wallet, plan = _plan(settings, redis, clock=clock, stop=stop)
    lease_s = max(SHORTEST_LEASE_S, 3 * settings.scan_every_s)
    holder = f"{settings.watcher}@{socket.gethostname()}"
    return ResolutionWatcher(
        wallet,
        plan,
        enqueue or jobs(settings, redis, clock=clock),
        clock=clock,
        scan_every_s=settings.scan_every_s,
        lease=Lease(redis, f"redeemer:{wallet}", holder, clock=clock, ttl_s=lease_s),
    )


def build_inline(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, emit: Emit = print_event
) -> ResolutionWatcher:
    """Build a watcher that redeems on its own thread: one process without a worker (`run_service`)."""
    clock = clock or SystemClock()
    return build_watcher(
        settings,
        stop=stop,
        clock=clock,
        enqueue=redeem_inline(paying_redeemer(settings, stop=stop, clock=clock, emit=emit)),
    )


def build_worker(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, emit: Emit = print_event
) -> RedeemWorker:
    """Build the worker that runs the jobs."""
    clock = clock or SystemClock()
    does = paying_redeemer(settings, stop=stop, clock=clock, emit=emit)
    return RedeemWorker(does, connect_redis(settings.redis_url), settings.redeem_queue, clock=clock)


def paying_redeemer(settings: RedeemerSettings, *, stop: threading.Event, clock: Clock, emit: Emit) -> PayingRedeemer:
    """Build what redeems one condition: a cashier for paper holdings, a teller for real ones."""
    redis = connect_redis(settings.redis_url)
    if settings.live:
        return composition_live.build_live(settings, redis, clock=clock, stop=stop, emit=emit).teller
    asking = resolutions(settings, redis, clock=clock, stop=stop)
    return PaperRedeemer(settings.paper_wallet, RedisLedger(redis, PAPER), asking, clock=clock, emit=emit)


def _plan(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
) -> tuple[str, RedemptionPlan]:
    """Return whose holdings are watched, and what tells which are due."""
    if settings.live:
        parts = composition_live.build_live(
            settings, redis, clock=clock, stop=stop, emit=print_event, lane=GateLane.CATCHUP
        )
        parts.preflight.demand()
        note_wallet(redis, composition_live.LIVE, parts.wallet)
        return parts.wallet, parts.planner
    return settings.paper_wallet, PaperPlan(
        RedisLedger(redis, PAPER), resolutions(settings, redis, clock=clock, stop=stop)
    )


def jobs(settings: RedeemerSettings, redis: Redis, *, clock: Clock) -> RedemptionQueue:
    """Build the queue's filling side."""
    return RedemptionQueue(
        redis,
        settings.redeem_queue,
        clock=clock,
        retry_after_s=settings.retry_after_s,
        again_after_s=settings.again_after_s,
    )


def resolutions(settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event) -> Resolutions:
    """Build what knows how conditions resolved, each upstream behind its shared gate."""
    node, data_api = upstreams(settings, redis, clock=clock, stop=stop)
    return Resolutions(node, data_api, overridden_contracts(settings.contracts).conditional_tokens)
