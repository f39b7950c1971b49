"""Say that a signalled fill is gone from the chain: `FILL_RETRACTED`, once for each of its signals."""

from typing import Protocol

from redis import Redis

from detector import facts
from detector.matcher import Key
from detector.signals import fact_of_key, signal_id
from detector.sources.reorg import Placed
from shared import logs
from shared.clock import Clock
from shared.events import SIGHTINGS, SIGNALS, FillRetracted, fact_id
from shared.streams import known_facts, publish_once

_DIGEST = 32


class Retract(Protocol):
    """What a source that watches the chain asks."""

    def __call__(self, placed: Placed, source: str, reason: str) -> int:
        """Retract all signals that these fills made; return how many.

        Raises:
            Unavailable: the server is away; call again.
        """
        ...


class Retractor:
    """Look up what was published of a fill, by whichever process, and retract each part of it once."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._log = logs.get("detector")

    def __call__(self, placed: Placed, source: str, reason: str) -> int:
        """Retract all signals that these fills made; return how many.

        Raises:
            Unavailable: the server is away; call again.
        """
        times = {Key(fill.leader, fill.tx_hash, fill.token_id, fill.side): fill.traded_at_ms for fill in placed.fills}
        keys = list(times)
        values = known_facts(self._redis, SIGNALS, [fact_of_key(key) for key in keys])
        signals = [(key, part) for key, value in zip(keys, values, strict=True) for part in _parts(value)]
        for key, part in signals:
            self._publish(self._event(key, part, source, reason), times[key])
        return len(signals)

    def _event(self, key: Key, part: int, source: str, reason: str) -> FillRetracted:
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
        answer = publish_once(self._redis, SIGHTINGS, event, fact=fact, age=traded_at_ms)
        if answer.state == "published":
            self._log.error("fill_retracted", signal=event.signal_id, tx_hash=event.tx_hash, reason=event.reason)


def _parts(value: str | None) -> list[int]:
    """Return which parts of a fact were signalled (the others were dropped); none when nobody published it."""
    parts = facts.read(value or "") or ()
    return [number for number, part in enumerate(parts) if not part.dropped]
