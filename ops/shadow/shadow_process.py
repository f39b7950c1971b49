"""A shadow as a process: its buyer, what pays its lots, and what keeps its streams short."""

import threading
from typing import Any

from redis import Redis

from buyer.composition_shadow import build_shadow
from buyer.config import BuyerSettings
from buyer.consumer import SignalConsumer
from redeemer.composition import build_resolutions
from redeemer.config import RedeemerSettings
from redeemer.jobs.queue import redeem_inline
from redeemer.redemption.paper_redeemer import PaperRedeemer
from redeemer.redemption.planner import PaperPlan
from redeemer.watcher import ResolutionWatcher
from shared import logs
from shared.clock import Clock
from shared.domain.errors import RefusedForSafety, TryAgain
from shared.ledger.shadow_ledger import ShadowLedger, shadow_stream
from shared.messages.base import DEAD, DECISIONS, REDEMPTIONS, SERVICE, Event, fact_id
from shared.process.instance_lock import instance_lock
from shared.redis.client import answering, connect_redis
from shared.redis.shadows import ShadowRecord, begin_shadow, known_shadows

OWN_STREAMS = (DECISIONS, REDEMPTIONS, SERVICE, DEAD)
UPKEEP_S = 30.0


class ShadowProcess:
    """One shadow as `shared.process.service_runner` runs it."""

    name = "shadow"

    def __init__(self, record: ShadowRecord, buyer: BuyerSettings, redeemer: RedeemerSettings, clock: Clock) -> None:
        self._record, self._buyer, self._redeemer, self._clock = record, buyer, redeemer, clock
        self._consumer: SignalConsumer | None = None
        self._watcher: ResolutionWatcher | None = None
        self._lost = ""

    def run(self, stop: threading.Event) -> None:
        """Decide, redeem and keep short until `stop`.

        Raises:
            RefusedForSafety: another process runs it, it ran with other settings, or the server forgot it.
            Fenced: another process took it over.
        """
        name, url = self._record.name, self._buyer.redis_url
        with instance_lock(f"shadow-{name}-{fact_id(url)[:8]}", self._buyer.run_dir), connect_redis(url) as redis:
            begin_shadow(redis, self._record)
            built = build_shadow(name, self._buyer, clock=self._clock, stop=stop)
            self._consumer = built.consumer
            self._watcher = self._payer(redis, stop)
            threads = [
                threading.Thread(target=self._watcher.run, args=(stop,), name="shadow-redeemer", daemon=True),
                threading.Thread(target=self._keep, args=(redis, stop), name="shadow-keeper", daemon=True),
            ]
            for thread in threads:
                thread.start()
            try:
                self._consumer.run(stop)
            finally:
                stop.set()
                built.lease.release()
                for thread in threads:
                    thread.join()
        if self._lost:
            raise RefusedForSafety(self._lost)

    def ready(self) -> bool:
        """Say whether it decides."""
        return self._consumer is not None and self._consumer.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was decided and redeemed so far."""
        parts = {"buyer": self._consumer, "redeemer": self._watcher}
        return {"shadow": self._record.name, **{name: part.snapshot() for name, part in parts.items() if part}}

    def _payer(self, redis: Redis, stop: threading.Event) -> ResolutionWatcher:
        """Return what pays lots whose markets resolved, as the paper redeemer does."""
        ledger, wallet = ShadowLedger(redis, self._record.name), f"shadow-{self._record.name}"
        resolutions = build_resolutions(self._redeemer, redis, clock=self._clock, stop=stop)
        redeemer = PaperRedeemer(wallet, ledger, resolutions, clock=self._clock, emit=_tell_nobody)
        return ResolutionWatcher(
            wallet,
            PaperPlan(ledger, resolutions),
            redeem_inline(redeemer),
            clock=self._clock,
            scan_every_s=self._redeemer.scan_every_s,
        )

    def _keep(self, redis: Redis, stop: threading.Event) -> None:
        """Keep its own streams short; end when it is not on the server any more."""
        log = logs.get_logger("shadow", shadow=self._record.name)
        while not stop.is_set():
            try:
                self.keep_once(redis, stop)
            except TryAgain as error:
                log.warning("not_kept", error=str(error))
            self._clock.wait(stop, UPKEEP_S)

    def keep_once(self, redis: Redis, stop: threading.Event) -> None:
        """Trim its streams once.

        Raises:
            Unavailable: the server is away.
        """
        if self._record.name not in known_shadows(redis):
            self._lost = f"shadow {self._record.name} is not on the server any more, which was emptied: start it anew"
            stop.set()
            return
        with answering(redis):
            for stream in OWN_STREAMS:
                own = shadow_stream(self._record.name, stream)
                redis.xtrim(own, maxlen=self._buyer.keep_entries, approximate=True)


def _tell_nobody(event: Event) -> None:
    """Print nothing: the event stands on the shadow's own stream."""
    del event
