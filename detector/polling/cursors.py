"""Cursors: how far each source has published each leader's trades, in Redis, so that a restart goes on from there."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol, cast

from redis import Redis

from shared.clock import Clock
from shared.polymarket.wire.venue_times import MOST_AHEAD_MS
from shared.redis.client import LuaScript, answering

CURSORS = "hs:cursors"
"""Hash: `source:leader` -> seconds or block, in the source's own unit; only ever moves forward."""
_AT_ONCE = 1000  # fields of one HMGET: more would hold up everybody else on the server


class CursorReader(Protocol):
    """What a source asks."""

    def get(self, source: str, leader: str) -> int | None:
        """Return how far a leader's trades are published, or None.

        Raises:
            Unavailable: nobody can say now.
        """
        ...

    def load(self, source: str, leaders: Collection[str]) -> None:
        """Read the cursors of `leaders` afresh, all at once.

        Raises:
            Unavailable: the server is away.
        """
        ...


class CursorStore:
    """The cursors of some leaders; read once from Redis, then held in memory too.

    The publisher's thread moves them, sources read them. With a `clock`, a stored cursor that has passed it is none:
    whoever would go on from there would look at nothing until then. (Blocks are far below any second of the clock.)
    """

    def __init__(self, redis: Redis, clock: Clock | None = None) -> None:
        self._redis, self._clock = redis, clock
        self._script = LuaScript(redis, Path(__file__).with_suffix(".lua"))
        self._cursors: dict[str, int | None] = {}

    def get(self, source: str, leader: str) -> int | None:
        """Return how far a leader's trades are published, or None."""
        field = f"{source}:{leader}"
        if field not in self._cursors:
            with answering(self._redis):
                stored = cast("str | None", self._redis.hget(CURSORS, field))
            self._cursors[field] = self._credible(stored)
        return self._cursors[field]

    def load(self, source: str, leaders: Collection[str]) -> None:
        """Read the cursors of `leaders` afresh, and forget this source's others: someone else moves those now.

        Raises:
            Unavailable: the server is away.
        """
        fields = [f"{source}:{leader}" for leader in leaders]
        found: list[str | None] = []
        for place in range(0, len(fields), _AT_ONCE):
            with answering(self._redis):
                found += cast("list[str | None]", self._redis.hmget(CURSORS, fields[place : place + _AT_ONCE]))
        others = {field: at for field, at in self._cursors.items() if not field.startswith(f"{source}:")}
        stored = zip(fields, found, strict=True)
        self._cursors = {**others, **{field: self._credible(at) for field, at in stored}}

    def forget_leaders(self, leaders: Collection[str]) -> None:
        """Ask the server again for these: somebody else may have moved their cursors meanwhile."""
        gone = frozenset(leaders)
        self._cursors = {field: at for field, at in self._cursors.items() if field.partition(":")[2] not in gone}

    def note_moved(self, source: str, leader: str, value: int) -> None:
        """Take note of a cursor that was stored elsewhere."""
        self._cursors[f"{source}:{leader}"] = max(value, self._cursors.get(f"{source}:{leader}") or 0)

    def advance(self, source: str, cursors: Mapping[str, int]) -> None:
        """Store cursors that moved on.

        Raises:
            Unavailable: the server is away; call again.
        """
        moved = {
            f"{source}:{leader}": value
            for leader, value in cursors.items()
            if value > (self._cursors.get(f"{source}:{leader}") or -1)
        }
        if not moved:
            return
        # The script compares with the clock too: a stored cursor from the future would block every later one.
        clock = "" if (latest := self._latest()) is None else latest
        self._script([CURSORS], [clock, *(word for pair in moved.items() for word in pair)])
        self._cursors.update(moved)

    def _credible(self, stored: str | None) -> int | None:
        """Return a stored cursor; None for none, and for one that has passed the clock."""
        latest = self._latest()
        if stored is None or (latest is not None and int(stored) > latest):
            return None
        return int(stored)

    def _latest(self) -> int | None:
        return None if self._clock is None else (self._clock.now_ms() + MOST_AHEAD_MS) // 1000
