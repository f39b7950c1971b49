"""One process's part in all buying: it holds its fair share of the shards, each on a thread of its own.

Every shard has its own lease, fencing token, group and recovery, so it moves from process to process by itself. Who
dies, hangs or stops is out of the count within `LEASE_S`, and the others take what is free; a newcomer is let in by
those that hold more than their share.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from buyer.consumer import SignalConsumer
from buyer.domain.token_shard import TokenShard, fair_share
from buyer.sharding.shard_count import ShardCount
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import HybridError, Unavailable
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal
from shared.process.stop_event import EitherEvent
from shared.redis.lease import Lease
from shared.redis.partitioning import Partitioning

LONGEST_BEAT_S = 1.0
ENDS_WITHIN_S = 10.0
"""Seconds that shards have to end what is in flight; what they leave is safe for whoever takes them next."""

Opens = Callable[[TokenShard, Lease], SignalConsumer]


@dataclass
class HeldShard:
    """A shard that is ours, at work until `stop`."""

    shard: TokenShard
    lease: Lease
    service: SignalConsumer
    stop: threading.Event
    leaving: bool = False
    failures: list[BaseException] = field(default_factory=list[BaseException])
    thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start to work."""
        self.thread = threading.Thread(target=self._work, name=f"shard-{self.shard.number}")
        self.thread.start()

    def leave(self) -> None:
        """Come to an end."""
        self.leaving = True
        self.stop.set()

    def works(self) -> bool:
        """Say whether its thread has not ended yet."""
        return self.thread is not None and self.thread.is_alive()

    def _work(self) -> None:
        try:
            self.service.consume(self.stop)
        except BaseException as error:  # noqa: BLE001 - kept whole; it ends the process
            self.failures.append(error)


class ShardSupervisor:
    """Takes and gives back shards; one that fails ends the process, whose supervisor starts it again."""

    name = "buyer"

    def __init__(
        self,
        layout: ShardCount,
        shares: Partitioning,
        leases: Mapping[TokenShard, Lease],
        opens: Opens,
        prices: Callable[[], dict[str, Any]],
        *,
        clock: Clock,
        lease_s: float,
    ) -> None:
        self._layout, self._shares, self._leases, self._opens = layout, shares, dict(leases), opens
        self._prices, self._clock = prices, clock
        self._every_s = min(LONGEST_BEAT_S, lease_s / 10)
        self._held: dict[TokenShard, HeldShard] = {}
        self._before: list[dict[str, Any]] = []
        self._log = logs.get_logger("buyer")

    def run(self, stop: threading.Event) -> None:
        """Hold our share until `stop`.

        Raises:
            RefusedForSafety: others work under another number of shards.
            Fenced: somebody took a shard that we held; the supervisor starts us again.
            HybridError: what ended a shard.
        """
        if not self._layout.claim(stop):
            return
        try:
            self._reopen_own(stop)
            while not stop.is_set():
                self._balance_once(stop)
                self._clock.wait(stop, self._every_s)
        finally:
            self._end()
        self._reap()

    def submit(self, signal: ActionableSignal) -> None:
        """Hand a signal of the same process to its shard; another process's reads it from the stream."""
        for held in self._held_now():
            if held.shard.owns(signal.token_id):
                held.service.submit(signal)

    def warm(self, progress: HybridProgress) -> None:
        """Prepare for what leaders are live in."""
        for held in self._held_now():
            held.service.warm(progress)

    def ready(self) -> bool:
        """Say whether we hold shards, and decide in each of them."""
        held = self._held_now()
        return bool(held) and all(one.service.ready() for one in held)

    def snapshot(self) -> dict[str, Any]:
        """Return which shards we hold, what was decided in them so far, and how the prices did."""
        held = self._held_now()
        numbers = sorted(one.shard.number for one in held)
        metrics.make_gauge("shards_held", "Parts of the signals that this buyer decides on.").set(len(numbers))
        total = _added([*self._before, *(one.service.figures() for one in held)])
        shown = {"active": bool(numbers), "shards": numbers, "shards_of": self._layout.shards}
        return {"decisions": {}, "signals_lost": 0, "exits": {}, **total, **shown, "prices": self._prices()}

    def _held_now(self) -> list[HeldShard]:
        return list(self._held.values())

    def _reopen_own(self, stop: threading.Event) -> None:
        """Begin with what still bears our name: after a restart nobody has to wait."""
        try:
            for shard, lease in self._leases.items():
                if lease.last_holder() == lease.holder:
                    self._open_shard(shard, stop)
        except Unavailable as error:
            self._log.info("shards_kept", error=str(error))

    def _balance_once(self, stop: threading.Event) -> None:
        self._reap()
        try:
            self._layout.restore()
            self._balance(stop)
        except Unavailable as error:
            self._log.info("shards_kept", error=str(error))

    def _balance(self, stop: threading.Event) -> None:
        """Give back what is above our share, take what is free below it; who hangs is not counted."""
        staying = [held for held in self._held_now() if not held.leaving]
        if any(held.lease.overdue for held in staying):
            self._log.warning("shard_hangs", shards=[held.shard.number for held in staying if held.lease.overdue])
            return
        beat = self._shares.beat(str(len(staying)))
        members = {name: _number(count) for name, count in beat.members.items()}
        share = fair_share(members | {self._shares.name: len(staying)}, self._shares.name, self._layout.shards)
        for held in staying[share:]:
            self._log.info("shard_given_back", shard=held.shard.number, members=len(members))
            held.leave()
        for shard in self._leases:
            if len([held for held in self._held_now() if not held.leaving]) >= share:
                return
            if shard not in self._held:
                self._open_shard(shard, stop)

    def _open_shard(self, shard: TokenShard, stop: threading.Event) -> None:
        lease = self._leases[shard]
        if lease.try_acquire():
            return
        try:
            held = self._held[shard] = HeldShard(shard, lease, self._opens(shard, lease), EitherEvent(stop))
        except BaseException:
            lease.release()
            raise
        held.begin()

    def _reap(self) -> None:
        """Let others have what has ended.

        Raises:
            HybridError: what ended it, if it was not told to.
        """
        for held in [held for held in self._held_now() if not held.works()]:
            if held.failures:
                raise held.failures[0]
            self._let_go(held)

    def _let_go(self, held: HeldShard) -> None:
        del self._held[held.shard]
        self._before = [_added([*self._before, {"decisions": dict(held.service.counter.counts)}])]
        held.lease.release()

    def _end(self) -> None:
        """Stop every shard, then let others have them at once; the lease of one that does not end runs out."""
        for held in self._held_now():
            held.leave()
        deadline = self._clock.monotonic() + ENDS_WITHIN_S
        for held in self._held_now():
            if held.thread is not None:
                held.thread.join(max(0.0, deadline - self._clock.monotonic()))
            if not held.works() and not held.failures:
                self._let_go(held)
            elif not held.works():
                held.lease.release()
        try:
            self._shares.leave()
        except HybridError as error:
            self._log.info("share_not_left", error=str(error))


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _added(snapshots: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what several shards counted."""
    total: dict[str, Any] = {}
    for snapshot in snapshots:
        for name, value in snapshot.items():
            if isinstance(value, dict):
                counts = Counter(cast("dict[str, int]", total.get(name, {})))
                counts.update(cast("dict[str, int]", value))
                total[name] = dict(sorted(counts.items()))
            elif isinstance(value, int) and not isinstance(value, bool):
                total[name] = total.get(name, 0) + value
    return total
