"""Say that a signalled fill is gone from the chain: `FILL_RETRACTED`, once for each of its signals."""

from collections.abc import Callable

from redis import Redis

from detector.domain import published_record
from detector.domain.fill_multiset import merged_pieces, missing_pieces
from detector.domain.reorg_watch import PlacedFill
from detector.domain.signal_builder import build_drop, dedup_key, signal_id
from detector.domain.signal_draft import FillKey, SignalDraft
from detector.publishing.pending_confirmations import PendingConfirmations, PendingSighting
from detector.publishing.recent_writes import RecentWrites
from detector.publishing.replaced_transactions import ReplacedTransactions
from shared import logs
from shared.clock import Clock
from shared.messages.base import SIGHTINGS, SIGNALS, fact_id
from shared.messages.signals import FillRetracted
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.redis.streams import PublishedEntry, known_facts, publish_once

_DIGEST = 32


class Retraction:
    """Look up what was published of a fill, by whichever process, and retract each signal of it once.

    It stands on the stream of signals, behind the one that it takes back: whoever acts on signals reads it there.

    What still waits for a second source is cancelled first: by the fact that every publish compares with, so that no
    detector makes a signal of it any more. Who had confirmed it a moment earlier has made a signal: that is retracted.
    """

    def __init__(
        self,
        redis: Redis,
        clock: Clock,
        recent: RecentWrites | None = None,
        replaced: ReplacedTransactions | None = None,
    ) -> None:
        self.announce: Callable[[FillRetracted], None] = lambda _: None
        """Gets each retraction once it is durable."""
        self._redis, self._clock, self._recent = redis, clock, recent or RecentWrites(clock)
        self._pending, self._replaced = PendingConfirmations(redis, 0), replaced or ReplacedTransactions(redis)
        self._log = logs.get_logger("detector")

    def __call__(self, placed: PlacedFill, source: str, reason: str) -> int:
        """Retract all signals that these fills made; return how many.

        Raises:
            Unavailable: the server is away; call again.
        """
        grouped: dict[FillKey, list[LeaderFill]] = {}
        for fill in self._replaced.renamed_fills(placed.fills):
            grouped.setdefault(FillKey(fill.leader, fill.tx_hash, fill.token_id, fill.side), []).append(fill)
        return sum(self._retract_key(key, fills, source, reason) for key, fills in grouped.items())

    def _retract_key(self, key: FillKey, fills: list[LeaderFill], source: str, reason: str) -> int:
        sighting = self._pending.find_sighting(dedup_key(key))
        # Cancelled first: otherwise another detector could signal it right after we looked.
        if sighting is not None:
            self._cancel(key, fills, sighting, source, reason)
        parts = _signalled_parts(self._published_text(key))
        for part in parts:
            self._publish(self._event(key, part, source, reason), fills[0].traded_at_ms)
        return len(parts)

    def _published_text(self, key: FillKey) -> str:
        return known_facts(self._redis, SIGNALS, [dedup_key(key)])[0] or ""

    def _cancel(
        self, key: FillKey, fills: list[LeaderFill], sighting: PendingSighting, source: str, reason: str
    ) -> None:
        """Drop what waits, unless somebody decides it first."""
        value = self._published_text(key)
        recorded = published_record.read_record(value) if value else ()
        left = (
            missing_pieces(merged_pieces((), fills), published_record.amounts_of(recorded))
            if recorded is not None
            else ()
        )
        if recorded is None or not left:
            return
        amounts = tuple(piece.amount for piece in left)
        seen_by = ((source, sighting.views[source].seen_at_ms if source in sighting.views else fills[0].traded_at_ms),)
        draft = SignalDraft(
            key=key,
            part=len(recorded),
            pieces=left,
            expected=value,
            value=published_record.write_record(
                (*recorded, published_record.PublishedRecord(amounts, seen_by, dropped=True))
            ),
            source=source,
            seen_by=seen_by,
            traded_at_ms=fills[0].traded_at_ms,
            hint=fills[0].hint,
            emitted_by="unconfirmed",
            drop=True,
        )
        event = build_drop(draft, self._clock.now_ms(), reason)
        answer = publish_once(
            self._redis,
            SIGHTINGS,
            event,
            fact=dedup_key(key),
            value=draft.value,
            expected=value,
            age=draft.traded_at_ms,
            facts_of=SIGNALS,
        )
        if answer.state == "published":
            self._log.warning("waiting_cancelled", signal=event.id, tx_hash=event.tx_hash, reason=reason)

    def _event(self, key: FillKey, part: int, source: str, reason: str) -> FillRetracted:
        now_ms, signal = self._clock.now_ms(), signal_id(key, part)
        return FillRetracted(
            id=fact_id("retracted", signal),
            emitted_at_ms=now_ms,
            signal_id=signal,
            leader=key.leader,
            tx_hash=key.tx_hash,
            token_id=key.token_id,
            side=key.side,
            source=source,
            seen_at_ms=now_ms,
            reason=reason,
        )

    def _publish(self, event: FillRetracted, traded_at_ms: int) -> None:
        fact = f"{event.leader}:{event.id[:_DIGEST]}"

        def publish() -> PublishedEntry:
            return publish_once(self._redis, SIGNALS, event, fact=fact, age=traded_at_ms)

        answer = publish()
        self._recent.remember(SIGNALS, (answer,), lambda: (publish(),))
        if answer.state == "published":
            self.announce(event)
            self._log.error("fill_retracted", signal=event.signal_id, tx_hash=event.tx_hash, reason=event.reason)


def _signalled_parts(value: str | None) -> list[int]:
    """Return the numbers of a key's signals (the others were dropped); none when nobody published it."""
    parts = published_record.read_record(value or "") or ()
    return [number for number, part in enumerate(parts) if not part.dropped]
