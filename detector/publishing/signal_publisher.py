"""Publishes drafts, each once, by compare-and-set; only the thread that owns the matcher uses it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from redis import Redis

from detector.domain.fill_view import FillView
from detector.domain.matcher import Matcher
from detector.domain.signal_builder import build_drop, build_signal, draft_dedup_key
from detector.domain.signal_draft import FillKey, SignalDraft
from detector.monitoring.source_stats import SourceStats
from detector.publishing.pending_signals import PendingSignals
from detector.publishing.recent_writes import RecentWrites
from detector.publishing.retry_until_up import RetryUntilUp
from detector.publishing.unmined_signals import UnminedSignals, is_looked_for
from shared import logs, metrics
from shared.clock import Clock
from shared.domain.errors import Malformed
from shared.domain.witnesses import NODES
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal, SignalDropped
from shared.polymarket.market_facts import MarketCache
from shared.redis.streams import FactRecord, PublishedEntry, publish_each

Emit = Callable[[ActionableSignal], None]
AT_ONCE = 256
"""Signals of one round trip: more would hold up everybody else on the server."""
Label = Callable[[str], str]
"""A leader's name, '' without one."""


def no_label(_: str) -> str:
    """Name nobody."""
    return ""


class WrittenDraft(NamedTuple):
    """A draft, and the event that it becomes."""

    draft: SignalDraft
    event: ActionableSignal | SignalDropped

    @property
    def record(self) -> FactRecord:
        """Return what the stream is asked to take."""
        draft, stream = self.draft, SIGHTINGS if self.draft.drop else SIGNALS
        names = draft_dedup_key(draft), draft.value, draft.expected
        return FactRecord(stream, self.event, *names, draft.traded_at_ms, SIGNALS)


class SignalPublisher:
    """Publish drafts. `emit` sees each new signal after it is durable."""

    def __init__(
        self,
        redis: Redis,
        stats: SourceStats,
        matcher: Matcher,
        emit: Emit,
        *,
        retry: RetryUntilUp,
        clock: Clock,
        markets: MarketCache | None,
        label: Label = no_label,
        unmined: UnminedSignals | None = None,
        pending: PendingSignals | None = None,
        recent: RecentWrites | None = None,
    ) -> None:
        self.matcher, self._unmined, self._recent = matcher, unmined, recent or RecentWrites(clock)
        self._redis, self._stats, self._emit, self._pending = redis, stats, emit, pending
        self.retry, self._clock, self._markets, self._label = retry, clock, markets, label
        self._log = logs.get_logger("detector")

    def publish(self, draft: SignalDraft | None) -> None:
        """Publish (or drop) a draft; raises as `publish_all`."""
        self.publish_all([draft] if draft is not None else [])

    def publish_all(self, drafts: Sequence[SignalDraft]) -> None:
        """Publish (or drop) drafts, and what is still missing where somebody else had published less.

        What is ready goes out in one round trip, in this order.

        Raises:
            Stopping: told to stop while Redis was away.
        """
        while drafts:
            ready, later = self._written(drafts[:AT_ONCE]), drafts[AT_ONCE:]
            answers, lost = self._publish_written(ready)
            lacks = [
                self._after_publish(one.draft, one.event, answer, lost)
                for one, answer in zip(ready, answers, strict=True)
            ]
            drafts = [*(draft for draft in lacks if draft is not None), *later]

    def _written(self, drafts: Sequence[SignalDraft]) -> list[WrittenDraft]:
        """Return drafts as events; what cannot be written is published by nobody."""
        ready: list[WrittenDraft] = []
        for draft in drafts:
            try:
                event = self._build_event(draft)
                write_event(event)
            except Malformed:
                self._log.exception("signal_invalid", leader=draft.key.leader, tx_hash=draft.key.tx_hash)
                self.matcher.mark_expired(draft)
            else:
                ready.append(WrittenDraft(draft, event))
        return ready

    def note_mined(self, view: FillView) -> None:
        """Note that a node showed these fills: what only the venue showed of them needs no looking for."""
        if self._unmined is not None and view.source in NODES:
            self._unmined.forget(FillKey(each.leader, each.tx_hash, each.token_id, each.side) for each in view.fills)

    def _build_event(self, draft: SignalDraft) -> ActionableSignal | SignalDropped:
        now_ms = self._clock.now_ms()
        if draft.drop:
            return build_drop(draft, now_ms)
        facts = self._markets.get(draft.key.token_id) if self._markets else None
        return build_signal(draft, now_ms, facts, self._label(draft.key.leader))

    def _publish_written(self, ready: Sequence[WrittenDraft]) -> tuple[list[PublishedEntry], int]:
        """Return the server's answers, and how often they were lost before."""
        records, lost = [one.record for one in ready], 0

        def publish() -> list[PublishedEntry]:
            return publish_each(self._redis, records) if records else []

        def counted() -> list[PublishedEntry]:
            nonlocal lost
            lost += 1
            return publish()

        answers = self.retry(counted)
        for record, answer in zip(records, answers, strict=True):
            self._recent.remember_records(self._redis, [record], (answer,))
        return answers, lost - 1

    def _after_publish(
        self, draft: SignalDraft, event: ActionableSignal | SignalDropped, answer: PublishedEntry, lost: int
    ) -> SignalDraft | None:
        # An answer was lost and the record is the one we wrote: the publish before the loss was ours.
        ours = answer.state == "known" and lost > 0 and answer.value == draft.value
        if answer.state == "published" or ours:
            self.matcher.mark_published(draft)
            if isinstance(event, SignalDropped):
                self._announce_drop(event)
            else:
                self._announce_signal(draft, event)
            return None
        self._stats.count_repeat()
        if answer.state == "expired":
            self._log.warning("signal_expired", signal=event.id, leader=event.leader, horizon_ms=answer.value)
            self.matcher.mark_expired(draft)
            return None
        return self.matcher.adopt_record(draft, answer.value)

    def _announce_drop(self, event: SignalDropped) -> None:
        self._stats.count_drop()
        metrics.make_counter("signals_dropped_total", "Signals that no second source confirmed in time.").inc()
        self._log.warning(
            "signal_dropped", signal=event.id, leader=event.leader, seen_by=event.seen_by[0].source, why=event.reason
        )

    def _announce_signal(self, draft: SignalDraft, signal: ActionableSignal) -> None:
        first_source, first_at_ms = draft.seen_by[0]
        if draft.key.cause == "TRADE":
            self._stats.count_signal(first_source, unconfirmed=draft.emitted_by == "unconfirmed")
        else:
            self._stats.count_merge()
        metrics.make_counter("signals_total", "Signals published.", "source", "emitted_by").labels(
            first_source, draft.emitted_by
        ).inc()
        metrics.make_histogram("signal_lag_seconds", "From the trade's block to our sight of it.", "source").labels(
            first_source
        ).observe(max(0, first_at_ms - draft.traded_at_ms) / 1000)
        if self._markets:
            self._markets.warm([signal.token_id])
        if self._unmined is not None and is_looked_for(signal):
            self._unmined.expect(draft.key, signal.traded_at_ms, signal.emitted_at_ms, pending=bool(signal.pending))
        if self._pending is not None and signal.pending:
            self._pending.expect(signal)
        self._emit(signal)
