"""The check that what the venue told is on the chain: a trade that no block holds is retracted.

The venue tells a match before its transaction is mined, and that can fail. Unknown is not no: a node that is behind, or
that cannot be asked, takes nothing back, and one look without the transaction is not enough. A receipt that says
"failed" is. What was seen pending is looked for sooner and more often, and given up after `pending_blocks`.
"""

from typing import Any

from redis import Redis

from detector.domain.reorg_watch import PlacedFill
from detector.domain.signal_draft import FillKey
from detector.publishing.replaced_transactions import ReplacedTransactions
from detector.publishing.retraction import Retraction
from detector.publishing.unmined_signals import UnminedSignal, UnminedSignals, is_looked_for
from shared.clock import Clock
from shared.domain.witnesses import NODES
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.leader_fills import LeaderFill, only_of
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.parsing import as_object
from shared.rate_limit.limits import GateLane
from shared.redis.streams import stream_tail

NAME = "chain_logs"
LOOKS, AGAIN_MS = 2, 30_000
"""So often must its receipt be missing, and so long apart."""
PENDING_AGAIN_MS = 3_000
BEHIND_MS = 30_000
"""A node whose newest block is older than this knows nothing of what is missing."""
AT_ONCE = 20
REMEMBERED = 2000
"""Signals of the stream that an earlier life may have left unlooked for."""
WITNESSED = 3 * REMEMBERED
"""Confirmations that are read with them: each signal has one of each other source."""
_TOLD = frozenset({"ACTIONABLE_SIGNAL", "FILL_RETRACTED"})


class MinedCheck:
    """Looks, after each poll of the chain's logs, for what is overdue there."""

    def __init__(
        self,
        redis: Redis,
        polygon: PolygonClient,
        unmined: UnminedSignals,
        retract: Retraction,
        clock: Clock,
        *,
        pending_blocks: int = 30,
        replaced: ReplacedTransactions | None = None,
    ) -> None:
        self._replaced = replaced or ReplacedTransactions(redis)
        self._pending_blocks = pending_blocks
        self._redis, self._polygon, self._unmined = redis, polygon, unmined
        self._retract, self._clock = retract, clock
        self._remembered = False

    def __call__(self, head: int) -> None:
        """Look for what is due; `head` is the node's newest block.

        Raises:
            TryAgain: the node or the server is away; what is due stays so.
        """
        self._remember()
        now_ms = self._clock.now_ms()
        due = self._unmined.due(now_ms)[:AT_ONCE]
        if not due or now_ms - self._polygon.block_time_ms(head, GateLane.CATCHUP) > BEHIND_MS:
            return
        for one in due:
            self._look_for(one, head, now_ms)

    def _look_for(self, one: UnminedSignal, head: int, now_ms: int) -> None:
        logs = self._outcome(one.key.tx_hash)
        if logs is not None and _holds(one.key, logs):
            self._unmined.forget([one.key])
        elif logs is not None and one.pending:
            self._take_back(one, "its transaction failed in its block")
        elif self._is_over(
            self._unmined.missed(one, now_ms + (PENDING_AGAIN_MS if one.pending else AGAIN_MS), head), head
        ):
            told = "it was pending" if one.pending else "the venue told it"
            self._take_back(one, f"{told} and no block held it {(now_ms - one.traded_at_ms) // 1000} s later")

    def _outcome(self, tx_hash: str) -> list[Any] | None:
        """Return the logs of a transaction, or of what was sent in its place; None where no block has one of them."""
        names = (tx_hash, *self._replaced.replacements_of(tx_hash))
        found = (self._polygon.mined_outcome(name, GateLane.CATCHUP) for name in names)
        return next((logs for logs in found if logs is not None), None)

    def _is_over(self, one: UnminedSignal, head: int) -> bool:
        enough = not one.pending or head >= one.first_head + self._pending_blocks
        return one.misses >= LOOKS and enough

    def _take_back(self, one: UnminedSignal, reason: str) -> None:
        key = one.key
        fill = LeaderFill(key.leader, key.tx_hash, key.token_id, key.side, 0, 0, one.traded_at_ms)
        self._retract(PlacedFill(0, (fill,)), NAME, reason)
        self._unmined.forget([key])

    def _remember(self) -> None:
        """Look for what an earlier life signalled, once: what is mined by now is found at once."""
        if self._remembered:
            return
        told = [
            read_event(entry.json) for entry in stream_tail(self._redis, SIGNALS, REMEMBERED) if entry.event in _TOLD
        ]
        over = self._shown_by_nodes() | {event.signal_id for event in told if isinstance(event, FillRetracted)}
        for event in told:
            if isinstance(event, ActionableSignal) and event.id not in over:
                self._expect(event)
        self._remembered = True

    def _shown_by_nodes(self) -> set[str]:
        """Return the signals whose block a node showed already: each look that is saved lets another come sooner."""
        tail = stream_tail(self._redis, SIGHTINGS, WITNESSED)
        told = (read_event(entry.json) for entry in tail if entry.event == "FILL_CONFIRMED")
        return {event.signal_id for event in told if isinstance(event, FillConfirmed) and event.source in NODES}

    def _expect(self, signal: ActionableSignal) -> None:
        if is_looked_for(signal):
            key = FillKey(signal.leader, signal.tx_hash, signal.token_id, signal.side)
            self._unmined.expect(key, signal.traded_at_ms, signal.emitted_at_ms, pending=bool(signal.pending))


def _holds(key: FillKey, logs: list[Any]) -> bool:
    timed = [{**as_object(log, "log"), "blockTimestamp": "0x0"} for log in logs]
    return bool(only_of(read_logs(timed), frozenset({key.leader})).fills)
