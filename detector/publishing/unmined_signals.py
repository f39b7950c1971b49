"""Signals that only the venue's feeds showed: a node must show each of them too, or it is taken back."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace

from detector.domain.signal_draft import FillKey
from shared.domain.witnesses import NODES, shown_by_venue
from shared.messages.signals import ActionableSignal

PENDING_WITHIN_MS = 6_000
"""So long a pending transaction may take into a block before it is looked for: 2.2 s is the rule."""
MOST = 50_000
"""More than that and the oldest are not looked for any more."""


@dataclass(frozen=True, slots=True)
class UnminedSignal:
    """One that no node showed yet: when it is looked for next, and how often that found nothing.

    A `pending` one was told before any block could hold it; `first_head` is the newest block of the first look.
    """

    key: FillKey
    traded_at_ms: int
    due_at_ms: int
    misses: int = 0
    pending: bool = False
    first_head: int = 0


class UnminedSignals:
    """What the publisher adds and takes off, and the chain's source looks for; any thread's.

    `within_ms` is how long a trade may take from the venue's word into a block.
    """

    def __init__(self, within_ms: int, *, most: int = MOST) -> None:
        self._within_ms, self._most = within_ms, most
        self._waiting: dict[FillKey, UnminedSignal] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def expect(self, key: FillKey, traded_at_ms: int, told_at_ms: int, *, pending: bool = False) -> None:
        """Note a signal that no node showed."""
        due_at_ms = told_at_ms + (PENDING_WITHIN_MS if pending else self._within_ms)
        with self._lock:
            self._waiting.setdefault(key, UnminedSignal(key, traded_at_ms, due_at_ms, pending=pending))
            if len(self._waiting) > self._most:
                self._waiting.pop(next(iter(self._waiting)))

    def forget(self, keys: Iterable[FillKey]) -> None:
        """Look no longer for what a node showed, or what was taken back."""
        with self._lock:
            for key in keys:
                self._waiting.pop(key, None)

    def due(self, now_ms: int) -> list[UnminedSignal]:
        """Return what should have been shown by now."""
        with self._lock:
            return [one for one in self._waiting.values() if one.due_at_ms <= now_ms]

    def missed(self, one: UnminedSignal, again_at_ms: int, head: int) -> UnminedSignal:
        """Count that it was looked for in vain at a newest block; return it as it stands now."""
        later = replace(one, misses=one.misses + 1, due_at_ms=again_at_ms, first_head=one.first_head or head)
        with self._lock:
            if one.key in self._waiting:
                self._waiting[one.key] = later
        return later


def is_looked_for(signal: ActionableSignal) -> bool:
    """Say whether a signal is news that only the venue showed; of old trades a node may have forgotten the receipts."""
    sources = [seen.source for seen in signal.seen_by]
    alone = shown_by_venue(sources) and not NODES & set(sources)
    return alone and signal.cause == "TRADE" and not signal.catch_up
