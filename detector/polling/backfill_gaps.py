"""Gaps in leaders' pasts: the blocks of time still to be read, stored in Redis so that a crash in the middle resumes.

When a poll finds more than it can read at once, the rest becomes a gap: the cursor jumps to now, fresh polls go on from
there, and the gap is read beside them, oldest first. While it is open the leader's published facts are pinned
(`shared.redis.streams.pin`), so that no live trade's forgetting can hide an old one that nobody has read.
"""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from redis import Redis

from detector.polling.cursors import CURSORS, CursorStore
from shared.messages.base import SIGNALS
from shared.redis.client import LuaScript, answering
from shared.redis.streams import pin_owner, unpin_owner

GAPS = "hs:gaps"
"""Hash: `source:leader:high` -> low, in the source's own unit; `low` moves forward until it reaches `high`."""


@dataclass(frozen=True, slots=True)
class BackfillGap:
    """Rows from `low` to `high`, both included, that are still to be read."""

    leader: str
    low: int
    high: int


class BackfillGaps:
    """One source's gaps; read once from Redis for the leaders watched, then held in memory too."""

    def __init__(self, redis: Redis, source: str, cursors: CursorStore) -> None:
        self._redis, self._source, self._cursors = redis, source, cursors
        self._script = LuaScript(redis, Path(__file__).with_suffix(".lua"))
        self._lock = threading.Lock()
        self._gaps: dict[tuple[str, int], BackfillGap] = {}

    def load(self, leaders: Collection[str]) -> None:
        """Read the gaps of `leaders`, and forget those of others.

        Raises:
            Unavailable: the server is away.
        """
        wanted = frozenset(leaders)
        with answering(self._redis):
            stored = cast("dict[str, str]", self._redis.hgetall(GAPS))
        parted = ((field.rsplit(":", 2), low) for field, low in stored.items())
        found = [
            BackfillGap(leader, int(low), int(high)) for (source, leader, high), low in parted if source == self._source
        ]
        with self._lock:
            self._gaps = {(gap.leader, gap.high): gap for gap in found if gap.leader in wanted}

    def leaders_behind(self) -> tuple[str, ...]:
        """List who has a past to read, the oldest first."""
        with self._lock:
            return tuple(dict.fromkeys(gap.leader for gap in sorted(self._gaps.values(), key=lambda gap: gap.low)))

    def oldest_gap(self, leader: str) -> BackfillGap | None:
        """Return a leader's oldest gap."""
        with self._lock:
            mine = [gap for gap in self._gaps.values() if gap.leader == leader]
        return min(mine, key=lambda gap: gap.low, default=None)

    def open_gap(self, gap: BackfillGap) -> None:
        """Record a gap and move the leader's cursor to its end, in one step; safe to call again.

        Raises:
            Unavailable: the server is away; the cursor may or may not have moved, the gap with it.
        """
        self._store(gap)
        self._cursors.note_moved(self._source, gap.leader, gap.high)
        with self._lock:
            self._gaps[gap.leader, gap.high] = gap

    def store_again(self) -> tuple[()]:
        """Store all that are open on a server that went back and may have forgotten some (pitfall 50); safe again.

        Raises:
            Unavailable: the server is away.
        """
        with self._lock:
            gaps = list(self._gaps.values())
        for gap in gaps:
            self._store(gap)
        return ()

    def read_to(self, gap: BackfillGap, low: int) -> None:
        """Remember that everything before `low` is published."""
        self._script([GAPS, CURSORS], ["read", self._field(gap), low])
        with self._lock:
            self._gaps[gap.leader, gap.high] = BackfillGap(gap.leader, low, gap.high)

    def close_gap(self, gap: BackfillGap) -> None:
        """Forget a gap that is read whole; safe to call again until it succeeds."""
        self._script([GAPS, CURSORS], ["close", self._field(gap)])
        with self._lock:
            others = [other for other in self._gaps.values() if other.leader == gap.leader and other.high != gap.high]
        if not others:  # the pin is the leader's: another gap of theirs still needs it
            unpin_owner(self._redis, SIGNALS, gap.leader, self._source)
        with self._lock:
            self._gaps.pop((gap.leader, gap.high), None)

    def _store(self, gap: BackfillGap) -> None:
        # Pinned first: a crash in between leaves a pin too many, never a gap whose facts may be forgotten.
        pin_owner(self._redis, SIGNALS, gap.leader, self._source)
        self._script([GAPS, CURSORS], ["leave", self._field(gap), gap.low, f"{self._source}:{gap.leader}", gap.high])

    def _field(self, gap: BackfillGap) -> str:
        return f"{self._source}:{gap.leader}:{gap.high}"
