"""The watcher: find the holdings that resolved, and have each redeemed.

It remembers nothing between two scans: what is due is read from the ledger every time, so a lost job, a restart or a
Redis that was away cost a delay and nothing else.
"""

import threading
from typing import Any

from redeemer.jobs.queue import Enqueue
from redeemer.redemption.planner import RedemptionPlan
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Fenced, Unavailable
from shared.redis.lease import Lease

SCANS_PER_INTERVAL = 2
"""Scans in one interval: what comes up right after a scan is found, read and sent before the interval is over."""

LEAST_REST = 0.2
"""Share of the time between two scans that is rested however long one took: the node's budget is not ours alone."""


class ResolutionWatcher:
    """Scans what `wallet` holds, and enqueues what resolved, within `scan_every_s`.

    Of several with the same `lease` one scans and the others stand by; two at once would be harmless.
    """

    name = "redeemer"

    def __init__(
        self,
        wallet: str,
        plan: RedemptionPlan,
        enqueue: Enqueue,
        *,
        clock: Clock,
        scan_every_s: float,
        lease: Lease | None = None,
    ) -> None:
        self._wallet, self._plan, self._enqueue = wallet, plan, enqueue
        self._clock, self._every_s, self._lease = clock, scan_every_s / SCANS_PER_INTERVAL, lease
        self._log = logs.get_logger("redeemer", wallet=wallet)
        self._ready = False
        self._active = False
        self._counts = {"scans": 0, "held": 0, "resolved": 0, "enqueued": 0, "failed": 0}

    def run(self, stop: threading.Event) -> None:
        """Scan until `stop` is set, twice every `scan_every_s`; whatever fails is logged and tried again."""
        while not stop.is_set():
            began = self._clock.monotonic()
            self.scan_once()
            spent = self._clock.monotonic() - began
            self._clock.wait(stop, max(self._every_s - spent, LEAST_REST * self._every_s))

    def ready(self) -> bool:
        """Say whether the last scan worked."""
        return self._ready

    def snapshot(self) -> dict[str, Any]:
        """Return what was seen and done so far."""
        return {"active": self._active, **self._counts, **self._plan.snapshot()}

    def scan(self) -> int:
        """Enqueue every condition that is due; return how many jobs that made.

        Raises:
            Unavailable: Redis is away.
        """
        held = due = made = 0
        for found in self._plan.find_parts():
            held, due = held + found.held, due + len(found.due)
            made += sum(self._enqueue_due(condition_id) for condition_id in found.due)
        self._counts |= {"held": held, "resolved": due}
        self._counts["scans"] += 1
        self._counts["enqueued"] += made
        metrics.make_gauge("redeemer_held_conditions", "Conditions held.").set(held)
        metrics.make_gauge("redeemer_due_conditions", "Held conditions that resolved and are not redeemed yet.").set(
            due
        )
        return made

    def scan_once(self) -> None:
        """Scan if the lease is ours; never raises, a scan that failed is made again."""
        try:
            self._active = self._holds_lease()
            if self._active:
                self.scan()
        except Unavailable as error:
            self._note_failure("scan_unanswered", error)
        except Exception as error:  # noqa: BLE001 - logged whole; one bad scan must not end the watch (pitfall 29)
            self._log.exception("scan_failed")
            self._note_failure("scan_failed", error)
        else:
            self._ready = True

    def _holds_lease(self) -> bool:
        """Say whether it is ours to scan now; a lease lost meanwhile is asked for again."""
        if self._lease is None:
            return True
        if self._lease.token:  # ours until somebody took it over
            try:
                self._lease.renew()
            except Fenced:
                self._lease.token = ""
            else:
                return True
        return not self._lease.try_acquire()

    def _enqueue_due(self, condition_id: str) -> bool:
        """Enqueue one; what fails for one condition says nothing of the others, unless Redis is away."""
        try:
            made = self._enqueue(self._wallet, condition_id)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - logged whole; a poison condition must not keep the others waiting
            self._counts["failed"] += 1
            self._log.exception("enqueue_failed", condition=condition_id)
            return False
        if made:
            self._log.info("redemption_enqueued", condition=condition_id)
        return made

    def _note_failure(self, what: str, error: Exception) -> None:
        self._ready = False
        self._counts["failed"] += 1
        self._log.warning(what, error=str(error))
