"""Fills that wait for a second source, in Redis: a restart or another detector goes on with them.

What is noted here is durable before its source's cursor moves, and stays until its time is over: then it is decided, by
a signal or by a drop, and only then forgotten. So `confirmed` loses nothing that `first` would not, and the publish's
own compare-and-set keeps it exactly once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from redis import Redis

from detector.domain.fill_multiset import FillPiece
from detector.domain.fill_view import FillView
from detector.domain.signal_builder import dedup_key
from detector.domain.signal_draft import FillKey, UnconfirmedFill
from shared.messages.signals import MarketHint
from shared.messages.value_codec import plain_value
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.redis.client import LuaScript, answering

WAITING = "hs:waiting"
WAITING_DUE = "hs:waiting:due"
_KEYS = [WAITING, WAITING_DUE]
MOST_WAITING = 50_000
"""More than that and the oldest are decided before their time: bounded, and still nothing is lost."""
AT_ONCE = 200  # fills of one check: deciding them must not hold up new signals for long
_FIELDS_BEFORE_FEES = 4
"""Fields of a piece without its fee: what an earlier version reads."""


@dataclass(frozen=True, slots=True)
class PendingSighting:
    """All that is stored of one key: each source's sighting, as text."""

    fact: str
    raw: str

    @property
    def views(self) -> dict[str, FillView]:
        """Return what each source showed."""
        said = cast("dict[str, str]", json.loads(self.raw))
        return {source: _view(source, json.loads(text)) for source, text in said.items()}


class PendingConfirmations:
    """The fills that wait, of all detectors on this server."""

    def __init__(self, redis: Redis, within_ms: int, *, most: int = MOST_WAITING) -> None:
        self._redis, self._within_ms, self._most = redis, within_ms, most
        self._script = LuaScript(redis, Path(__file__).with_suffix(".lua"))

    def add_sighting(self, wait: UnconfirmedFill) -> PendingSighting:
        """Store what a source shows; return all that is stored of the key, by whomever.

        Raises:
            Unavailable: the server is away; call again.
        """
        (held,) = self.add_sightings([wait])
        return held

    def add_sightings(self, waits: Sequence[UnconfirmedFill]) -> list[PendingSighting]:
        """Do what `add_sighting` does for each, in one round trip; raises as that does, and some may be stored."""
        facts = [dedup_key(wait.key) for wait in waits]
        words = [
            ["note", fact, wait.source, _text(wait), wait.seen_at_ms + self._within_ms]
            for fact, wait in zip(facts, waits, strict=True)
        ]
        raws = self._script.many([(_KEYS, one) for one in words])
        return [PendingSighting(fact, str(raw)) for fact, raw in zip(facts, raws, strict=True)]

    def due_sightings(self, now_ms: int) -> tuple[PendingSighting, ...]:
        """Return what has waited long enough, oldest first, and what is too much to hold.

        Raises:
            Unavailable: the server is away.
        """
        with answering(self._redis):
            surplus = int(self._redis.zcard(WAITING_DUE)) - self._most
            limit, count = ("+inf", min(surplus, AT_ONCE)) if surplus > 0 else (str(now_ms), AT_ONCE)
            facts = cast("list[str]", self._redis.zrangebyscore(WAITING_DUE, "-inf", limit, start=0, num=count))
            raws = cast("list[str | None]", self._redis.hmget(WAITING, facts)) if facts else []
            held = dict(zip(facts, raws, strict=True))
            # A crash between the two deletes leaves a due time without its fill.
            gone = [fact for fact, raw in held.items() if raw is None]
            if gone:
                self._redis.zrem(WAITING_DUE, *gone)
        return tuple(PendingSighting(fact, raw) for fact, raw in held.items() if raw is not None)

    def find_sighting(self, fact: str) -> PendingSighting | None:
        """Return what is stored of one key.

        Raises:
            Unavailable: the server is away.
        """
        with answering(self._redis):
            raw = cast("str | None", self._redis.hget(WAITING, fact))
        return None if raw is None else PendingSighting(fact, raw)

    def remove_decided(self, held: PendingSighting) -> bool:
        """Remove what is decided, unless more was added meanwhile.

        Raises:
            Unavailable: the server is away; call again.
        """
        (removed,) = self.remove_all([held])
        return removed

    def remove_all(self, held: Sequence[PendingSighting]) -> list[bool]:
        """Do what `remove_decided` does for each, in one round trip; raises as that does."""
        return [bool(gone) for gone in self._script.many([(_KEYS, ["settle", one.fact, one.raw]) for one in held])]

    def __len__(self) -> int:
        with answering(self._redis):
            return int(self._redis.hlen(WAITING))


def _text(wait: UnconfirmedFill) -> str:
    said: dict[str, Any] = {
        "key": wait.key[:4],
        "seen": wait.seen_at_ms,
        "traded": wait.traded_at_ms,
        "pieces": [piece if piece.fee or piece.fee_shares else piece[:_FIELDS_BEFORE_FEES] for piece in wait.pieces],
        "hint": plain_value(wait.hint),
    }
    return json.dumps(said, separators=(",", ":"))


def _view(source: str, said: dict[str, Any]) -> FillView:
    key, hint = FillKey(*said["key"]), MarketHint(**said["hint"])
    pieces = [FillPiece(*piece) for piece in said["pieces"]]
    fills = tuple(
        LeaderFill(
            *key[:4],
            piece.shares,
            piece.usdc,
            said["traded"],
            piece.log_index,
            piece.role,
            hint,
            fee_micro=piece.fee,
            fee_shares_micro=piece.fee_shares,
        )
        for piece in pieces
    )
    return FillView(source, said["seen"], fills)
