"""How far each source has published each leader's trades, kept in Redis so that a restart goes on from there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from redis import Redis

from shared.broker import Script, answering

CURSORS = "hs:cursors"
"""Hash: `source:leader` -> seconds or block, in the source's own unit; only ever moves forward."""


class Cursors(Protocol):
    """What a source asks."""

    def get(self, source: str, leader: str) -> int | None:
        """Return how far a leader's trades are published, or None.

        Raises:
            Unavailable: nobody can say now.
        """
        ...


class CursorStore:
    """The cursors of some leaders; read once from Redis, then kept beside it.

    The publisher's thread moves them, sources read them.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = Script(redis, Path(__file__).with_suffix(".lua"))
        self._known: dict[str, int | None] = {}

    def get(self, source: str, leader: str) -> int | None:
        """Return how far a leader's trades are published, or None."""
        field = f"{source}:{leader}"
        if field not in self._known:
            with answering(self._redis):
                stored = cast("str | None", self._redis.hget(CURSORS, field))
            self._known[field] = None if stored is None else int(stored)
        return self._known[field]

    def advance(self, source: str, cursors: Mapping[str, int]) -> None:
        """Store cursors that moved on.

        Raises:
            Unavailable: the server is away; call again.
        """
        moved = {
            f"{source}:{leader}": value
            for leader, value in cursors.items()
            if value > (self._known.get(f"{source}:{leader}") or -1)
        }
        if not moved:
            return
        self._script([CURSORS], [word for pair in moved.items() for word in pair])
        self._known.update(moved)
