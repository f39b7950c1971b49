"""Build a redeemer or its worker from settings: every part of it is put together here or in `composition_live`.

| | paper | live |
|---|---|---|
| holdings | the paper ledger's lots | the wallet's balances on chain, of what our lots or the Data API name |
| due is found by | `PaperPlan` | `LivePlan`, in the gate's catch-up lane |
| redeemed by | `PaperRedeemer` | `LiveRedeemer`, in the gate's lane of exits |
| before the start | nothing | `Preflight`: another chain, or a Safe that is not ours alone, ends it |
| ledger | `paper` | `live` |
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

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
from shared import logs
from shared.clock import Clock, SystemClock
from shared.ledger.ledger_owner import LedgerOwner, claim_ledger
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.messages.events import write_event
from shared.polymarket.wire.contracts import overridden_contracts
from shared.process import outlet
from shared.process.process_name import installation_address
from shared.rate_limit.limits import GateLane
from shared.redis.client import connect_redis, server_address
from shared.redis.lease import Lease
from shared.redis.pipeline_record import note_wallet

PAPER = "paper"
SHORTEST_LEASE_S = 10.0
"""The least time until a standby may take over: shorter than a slow scan, it would change hands in the middle."""

Emit = Callable[[Event], None]


class BuildPlan(Protocol):
    """Builds what tells which holdings are due, and says whose they are."""

    def __call__(
        self, settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
    ) -> tuple[str, RedemptionPlan]:
        """Build it; nothing is started."""
        ...


class BuildRedeemer(Protocol):
    """Builds what redeems one condition."""

    def __call__(
        self, settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event, emit: Emit
    ) -> PayingRedeemer:
        """Build it; `emit` gets each redemption's event."""
        ...


@dataclass(frozen=True)
class RedeemerMode:
    """One way to redeem: all in which it differs from the other."""

    build_plan: BuildPlan
    build_redeemer: BuildRedeemer


def print_event(event: Event) -> None:
    """Write an event to stdout as one JSON line."""
    outlet.print_line(write_event(event))


def redeemer_mode(settings: RedeemerSettings) -> str:
    """Return which ledger is served: `paper` or `live`."""
    return composition_live.LIVE if settings.live else PAPER


def queue_name(settings: RedeemerSettings) -> str:
    """Return the queue of the mode: a worker on paper never sees a live job."""
    return f"{settings.redeem_queue}-live" if settings.live else settings.redeem_queue


def build_watcher(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, enqueue: Enqueue | None = None
) -> ResolutionWatcher:
    """Build the watcher; its jobs go to rq unless `enqueue` takes them.

    Raises:
        BadConfig, RefusedForSafety, DependencyMissing: live, and the key or the wallet is not as it must be.
    """
    clock = clock or SystemClock()
    redis = connect_redis(settings.redis_url, durability=settings.durability)
    wallet, plan = MODES[redeemer_mode(settings)].build_plan(settings, redis, clock=clock, stop=stop)
    # Three scans may be missed before a standby takes over.
    lease_s = max(SHORTEST_LEASE_S, 3 * settings.scan_every_s)
    holder = f"{settings.watcher}@{installation_address(settings.run_dir)}"
    return ResolutionWatcher(
        wallet,
        plan,
        enqueue or build_queue(settings, redis, clock=clock),
        clock=clock,
        scan_every_s=settings.scan_every_s,
        lease=Lease(redis, f"redeemer:{wallet}", holder, clock=clock, ttl_s=lease_s),
    )


def build_inline(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, emit: Emit = print_event
) -> ResolutionWatcher:
    """Build a watcher that redeems on its own thread: one process without a worker (`run_service`)."""
    clock = clock or SystemClock()
    redeemer = build_redeemer(settings, stop=stop, clock=clock, emit=emit)
    return build_watcher(settings, stop=stop, clock=clock, enqueue=redeem_inline(redeemer))


def build_worker(
    settings: RedeemerSettings, *, stop: threading.Event, clock: Clock | None = None, emit: Emit = print_event
) -> RedeemWorker:
    """Build the worker that runs the jobs."""
    clock = clock or SystemClock()
    redeemer = build_redeemer(settings, stop=stop, clock=clock, emit=emit)
    return RedeemWorker(
        redeemer, jobs_server(settings, connect_redis(settings.redis_url)), queue_name(settings), clock=clock
    )


def build_redeemer(settings: RedeemerSettings, *, stop: threading.Event, clock: Clock, emit: Emit) -> PayingRedeemer:
    """Build what redeems one condition, in the mode of the settings."""
    redis = connect_redis(settings.redis_url, durability=settings.durability)
    return MODES[redeemer_mode(settings)].build_redeemer(settings, redis, clock=clock, stop=stop, emit=emit)


def jobs_server(settings: RedeemerSettings, redis: Redis) -> Redis:
    """Return a client of the server where jobs wait, and say so where it is another one than `redis`."""
    if not settings.rq_url:
        return redis
    elsewhere = connect_redis(settings.rq_url)
    logs.get_logger("redeemer").info("jobs_wait_elsewhere", server=server_address(elsewhere))
    return elsewhere


def build_queue(settings: RedeemerSettings, redis: Redis, *, clock: Clock) -> RedemptionQueue:
    """Build the queue's filling side."""
    return RedemptionQueue(
        jobs_server(settings, redis),
        queue_name(settings),
        clock=clock,
        retry_after_s=settings.retry_after_s,
        again_after_s=settings.again_after_s,
    )


def build_resolutions(settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event) -> Resolutions:
    """Build what knows how conditions resolved, each upstream behind its shared gate."""
    node, data_api = upstreams(settings, redis, clock=clock, stop=stop)
    return Resolutions(node, data_api, overridden_contracts(settings.contracts).conditional_tokens)


def _paper_plan(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
) -> tuple[str, RedemptionPlan]:
    resolutions = build_resolutions(settings, redis, clock=clock, stop=stop)
    return settings.paper_wallet, PaperPlan(RedisLedger(redis, PAPER), resolutions)


def _live_plan(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event
) -> tuple[str, RedemptionPlan]:
    """Build the live plan once the preflight passed; the watcher only looks: who redeems goes first, and signs."""
    parts = composition_live.build_live(
        settings,
        redis,
        clock=clock,
        stop=stop,
        emit=print_event,
        lane=GateLane.CATCHUP,
        signer=composition_live.keyless_signer(settings),
    )
    parts.preflight.demand_ready()
    claim_ledger(redis, LedgerOwner(parts.wallet.lower(), composition_live.LIVE))
    note_wallet(redis, composition_live.LIVE, parts.wallet)
    return parts.wallet, parts.plan


def _paper_redeemer(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event, emit: Emit
) -> PayingRedeemer:
    resolutions = build_resolutions(settings, redis, clock=clock, stop=stop)
    return PaperRedeemer(settings.paper_wallet, RedisLedger(redis, PAPER), resolutions, clock=clock, emit=emit)


def _live_redeemer(
    settings: RedeemerSettings, redis: Redis, *, clock: Clock, stop: threading.Event, emit: Emit
) -> PayingRedeemer:
    return composition_live.build_live(settings, redis, clock=clock, stop=stop, emit=emit).redeemer


MODES: dict[str, RedeemerMode] = {
    PAPER: RedeemerMode(build_plan=_paper_plan, build_redeemer=_paper_redeemer),
    composition_live.LIVE: RedeemerMode(build_plan=_live_plan, build_redeemer=_live_redeemer),
}
"""Where paper and live differ."""
