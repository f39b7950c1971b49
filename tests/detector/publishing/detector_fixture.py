"""A detector over a Redis that outlives it."""

import json
import threading
from typing import Any, cast

import fakeredis
from redis import Redis

from detector.composition import build_publish_loop
from detector.domain.emit_rule import EmitRule
from detector.domain.source_port import Batch
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CursorStore
from detector.publishing.pending_confirmations import PendingConfirmations
from detector.publishing.unmined_signals import UnminedSignals
from shared.clock import ManualClock
from shared.domain.market import Side
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.signals import ActionableSignal
from tests.detector.builders import LEADER, NOW_MS, NOW_S, a_fill, a_view, tx

SOURCES = ("chain_logs", "data_api", "rtds", "second_node")


WITHIN_S = 30


CONFIRMED = EmitRule(confirmed=True, within_ms=WITHIN_S * 1000)


DROPPING = EmitRule(confirmed=True, within_ms=WITHIN_S * 1000, drop=True)


class DetectorFixture:
    """One detector's life on a server that outlives it."""

    def __init__(
        self,
        rule: EmitRule,
        redis: Redis | None = None,
        clock: ManualClock | None = None,
        *,
        unmined: UnminedSignals | None = None,
    ) -> None:
        self.rule, self.clock = rule, clock or ManualClock(NOW_MS)
        self.redis = redis or cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.stats = SourceStats((*SOURCES, "pending"), clock=self.clock)
        self.emitted: list[ActionableSignal] = []
        self.publisher = build_publish_loop(
            self.redis,
            self.stats,
            CursorStore(self.redis),
            self.emitted.append,
            clock=self.clock,
            stop=threading.Event(),
            rule=rule,
            unmined=unmined,
        )

    def again(self) -> "DetectorFixture":
        return DetectorFixture(self.rule, self.redis, self.clock)

    def show(self, source: str, *numbers: int, cursor: int = NOW_S, side: Side = "BUY", later_s: int = 0) -> None:
        """Let a source show fills; the same number is the same fill, traded so many seconds after the first."""
        traded_at_ms = NOW_MS + 1000 * later_s
        fills = [
            a_fill(number * 1_000_000, number * 500_000, tx_hash=tx(number), side=side, traded_at_ms=traded_at_ms)
            for number in numbers
        ]
        view = a_view(*fills, source=source, seen_at_ms=self.clock.now_ms())
        heard: list[Any] = []
        recorder: Any = self.publisher._recorder  # pyright: ignore[reportPrivateUsage] - what its thread would do
        recorder._on_views = heard.extend
        self.publisher.publish_batch(Batch(source, (view,), {LEADER: cursor}, rows=len(fills)))
        recorder.record_notes(self.publisher._match_others(heard))  # pyright: ignore[reportPrivateUsage] - as above

    def time_passes(self, seconds: float = WITHIN_S) -> None:
        self.clock.advance(seconds)
        room = PendingConfirmations(self.redis, self.rule.within_ms)
        while held := room.due_sightings(self.clock.now_ms()):
            self.publisher.decide_overdue(held)

    def events(self, stream: str, kind: str) -> list[dict[str, Any]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(stream))
        return [json.loads(fields["json"]) for _, fields in entries if fields["event"] == kind]

    @property
    def signals(self) -> list[dict[str, Any]]:
        return self.events(SIGNALS, "ACTIONABLE_SIGNAL")

    @property
    def confirmations(self) -> list[tuple[str, int, int, str]]:
        found = self.events(SIGHTINGS, "FILL_CONFIRMED")
        return [(one["source"], one["lag_ms"], one["behind_first_ms"], one["first_source"]) for one in found]
