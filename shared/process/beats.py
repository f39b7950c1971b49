"""What each process said of itself last, and how long ago: who died is seen by everybody who reaches the server.

Ages are the server's: it stamps each beat and is asked for the time with them. A beat is an overwritten field of one
hash, so months of dead processes cost nothing; the events on `hs:service` tell the history.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from redis import Redis

from shared.redis.client import LuaScript, answering

BEATS = "hs:beats"
"""Hash: instance -> server's time in ms, a space, JSON of a `ProcessBeat`."""
LATE_BEATS = 2.5
"""Heartbeats without a word after which a process is dead: seen within three, with room for a slow one."""
LATE_S = 1.0
"""A beat is never called late sooner than so much after it was due, however short they are."""
ENDED_SHOWN_S = 3600.0
DEAD_SHOWN_S = 86_400.0
"""How long one that ended or died is shown beside others of its service that work; without them it stays."""
DEAD_KEPT_S = 7 * 86_400.0
_STEPPED_S = 5.0
"""A beat from further ahead than this is of before the server's clock stepped back: it proves no life."""

State = Literal["starting", "up", "not ready", "hangs", "stopped", "failed", "dead"]
WORKING: frozenset[State] = frozenset({"starting", "up", "not ready"})
LOST: frozenset[State] = frozenset({"hangs", "failed", "dead"})
"""What a person has to look at: it does not work, and nobody told it to stop."""

NEEDS = MappingProxyType(
    {
        "buyer": ("detector",),
        "redeemer": ("redeemer-worker",),
        "up": ("detector", "buyer", "redeemer", "redeemer-worker"),
        "service": ("detector", "buyer", "redeemer"),
    }
)
"""Without whom a process has nothing to do: it is not ready while such a one is lost. Never in a circle, so that
programs that wait for each other to be ready do start."""


@dataclass(frozen=True, slots=True)
class ProcessBeat:
    """One word of one process; `up_s` seconds after it began."""

    instance: str
    service: str
    host: str = ""
    mode: str = ""
    state: State = "up"
    every_s: float = 10.0
    up_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProcessStanding:
    """How a process stands: its last word, or that it is dead, `age_s` seconds after that word."""

    beat: ProcessBeat
    state: State
    age_s: float

    @property
    def service(self) -> str:
        """Return which service it is."""
        return self.beat.service

    @property
    def working(self) -> bool:
        """Say whether it runs."""
        return self.state in WORKING

    @property
    def lost(self) -> bool:
        """Say whether it is gone, and nobody told it to go."""
        return self.state in LOST


@lru_cache(maxsize=16)
def _script(redis: Redis) -> LuaScript:
    return LuaScript(redis, Path(__file__).with_suffix(".lua"))


def write_beats(redis: Redis, beats: Iterable[ProcessBeat]) -> None:
    """Store what a process, and each part of it, says now.

    Raises:
        Unavailable: the server is away.
    """
    words = [word for beat in beats for word in (beat.instance, json.dumps(asdict(beat), separators=(",", ":")))]
    _script(redis)([BEATS], words)


def read_standings(redis: Redis) -> list[ProcessStanding]:
    """Return how each process stands, those that were replaced left out.

    Raises:
        Unavailable: the server is away.
    """
    return shown(_read(redis))


def server_ms(redis: Redis) -> int:
    """Return the server's time: what beats, leases and entries of streams are stamped with."""
    with answering(redis):
        seconds, micros = redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


def forget_beats(redis: Redis) -> None:
    """Drop what nobody asks for any more: processes that stopped or died long ago."""
    old = [one.beat.instance for one in _read(redis) if not one.working and one.age_s > _kept_s(one)]
    if old:
        with answering(redis):
            redis.hdel(BEATS, *old)


def missing_processes(service: str, found: Sequence[ProcessStanding]) -> list[str]:
    """Return what is lost without which a service has nothing to do, each in words; nothing when all is well."""
    return [
        standing_text(one)
        for needed in NEEDS.get(service, ())
        if not any(one.service == needed and one.working for one in found)
        for one in found
        if one.service == needed and one.lost
    ]


def standing_text(one: ProcessStanding) -> str:
    """Return a standing in words: `detector@host:12 dead, last heard 31 s ago`."""
    heard = f"last heard {one.age_s:.0f} s ago" if one.state == "dead" else f"{one.age_s:.0f} s ago"
    return f"{one.beat.instance} {one.state}, {heard}"


def judge_standing(beat: ProcessBeat, age_s: float) -> ProcessStanding:
    """Return how a process stands whose last word is `age_s` old: what does not beat is dead, whatever it said."""
    late = age_s > max(LATE_BEATS * beat.every_s, beat.every_s + LATE_S) or age_s < -_STEPPED_S
    dead = late and beat.state not in {"stopped", "failed"}
    return ProcessStanding(beat, "dead" if dead else beat.state, max(0.0, age_s))


def shown(found: Iterable[ProcessStanding]) -> list[ProcessStanding]:
    """Leave out what a later process took the place of, and what stopped long ago; the rest by service and age.

    Each start replaces one that ended before it, of its own machine first: of two detectors of which one was killed
    and one was started anew, none is missing.
    """
    each = sorted(found, key=lambda one: (one.service, -one.age_s))
    ended = [one for one in each if not one.working and one.state != "hangs"]
    gone: set[str] = set()
    starts = sorted(each, key=lambda one: -_began_ago_s(one))
    for same_host in (True, False):
        for one in ended:
            if one.beat.instance in gone:
                continue
            heir = next((start for start in starts if _replaces(start, one, same_host=same_host)), None)
            if heir is not None:
                starts.remove(heir)
                gone.add(one.beat.instance)
    working = {one.service for one in each if one.working}
    return [one for one in each if one.beat.instance not in gone and not _over(one, others=one.service in working)]


def _replaces(start: ProcessStanding, ended: ProcessStanding, *, same_host: bool) -> bool:
    if start.service != ended.service or start.beat.instance == ended.beat.instance:
        return False
    return _began_ago_s(start) <= ended.age_s and (start.beat.host == ended.beat.host or not same_host)


def _began_ago_s(one: ProcessStanding) -> float:
    return one.age_s + one.beat.up_s


def _over(one: ProcessStanding, *, others: bool) -> bool:
    """Say whether nobody has to look at it any more."""
    if one.state == "stopped":
        return one.age_s > ENDED_SHOWN_S
    return others and one.lost and one.age_s > (ENDED_SHOWN_S if one.state == "failed" else DEAD_SHOWN_S)


def _kept_s(one: ProcessStanding) -> float:
    return ENDED_SHOWN_S if one.state == "stopped" else DEAD_KEPT_S


def _read(redis: Redis) -> list[ProcessStanding]:
    with answering(redis), redis.pipeline(transaction=False) as pipe:
        pipe.hgetall(BEATS)
        pipe.time()
        stored, (seconds, micros) = pipe.execute()
    now_s = int(seconds) + int(micros) / 1e6
    found: list[ProcessStanding] = []
    for instance, text in cast("dict[str, str]", stored).items():
        stamp, _, said_of_itself = text.partition(" ")
        beat = _beat(instance, said_of_itself)
        if beat is not None and stamp.isdigit():
            found.append(judge_standing(beat, now_s - int(stamp) / 1000))
    return found


def _beat(instance: str, text: str) -> ProcessBeat | None:
    """Return a beat; of one that another version wrote what can be read, None when that is nothing."""
    try:
        fields = json.loads(text)
        known: dict[str, Any] = {name: fields[name] for name in ProcessBeat.__dataclass_fields__ if name in fields}
        known["instance"] = instance
        beat = ProcessBeat(**known)
        numbers = float(beat.every_s), float(beat.up_s)
    except (ValueError, TypeError, KeyError):
        return None
    return replace(beat, every_s=numbers[0], up_s=numbers[1])
