"""Redis streams: publish once, follow, dead letters, groups and trimming (`consumer_group` reads a group).

Every write here is either an idempotent script or sent with retries off (`shared/redis/client.py`), because a re-sent
XADD makes two entries. Nothing is trimmed that a group still needs, and nothing rests on a key's time to live.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from redis import Redis
from redis.exceptions import ResponseError

from shared.messages.base import STREAMS, Event, fact_id
from shared.messages.events import write_event
from shared.messages.service import DeadLetter
from shared.redis.client import LuaScript, answering, bare_key

MOST_FACTS = 200_000
"""Published facts remembered, and a hundredth more; the oldest go first, so none repeats (S4, `forget.lua`)."""
_MOVED_AT_ONCE = 1000
_NO_STREAM, _FACTS = "no such key", ":facts"


@lru_cache(maxsize=16)
def _script(redis: Redis, file: str) -> LuaScript:
    return LuaScript(redis, Path(__file__).with_name(file), durable=file == "streams.lua")


PublishState = Literal["published", "known", "expired"]


@dataclass(frozen=True)
class PublishedEntry:
    """What became of a publish: `value` is the entry's id, the value known before, or the horizon."""

    state: PublishState
    value: str


class FactRecord(NamedTuple):
    """An event that is published unless its fact stands at another value than `expected` (`publish_once`)."""

    stream: str
    event: Event
    fact: str
    value: str
    expected: str
    age: int
    facts_of: str = ""

    @property
    def guard(self) -> str:
        """Return the stream whose facts guard it."""
        return self.facts_of or self.stream


RecordCall = tuple[list[str], list[Any]]
"""Keys and arguments of one call of the script that publishes."""


@dataclass(frozen=True)
class StreamEntry:
    """One stream entry as delivered; `fields` is empty when the entry was trimmed under us."""

    stream: str
    id: str
    fields: Mapping[str, str]
    deliveries: int = 1

    @property
    def event(self) -> str:
        """Return the event's name, or '' when the entry holds none."""
        return self.fields.get("event", "")

    @property
    def json(self) -> str:
        """Return the event's JSON, or '' when the entry holds none."""
        return self.fields.get("json", "")


def publish_event(redis: Redis, stream: str, event: Event) -> str:
    """Append `event`; return the entry's id. For reports whose repetition is harmless."""
    with answering(redis):
        return str(redis.xadd(stream, {"event": event.event, "json": write_event(event)}))


def publish_once(
    redis: Redis,
    stream: str,
    event: Event,
    *,
    fact: str,
    value: str = "1",
    expected: str = "",
    age: int = 0,
    facts_of: str = "",
) -> PublishedEntry:
    """Append `event` unless `fact` already stands at another value than `expected`; one atomic step.

    Args:
        redis: The connection.
        stream: Where to append.
        event: What to append.
        fact: `owner:rest`; what may be published once.
        value: What to remember for the fact.
        expected: The value it must have now; '' for never published.
        age: When the fact happened (any unit that grows); decides which facts are forgotten first.
        facts_of: The stream whose facts guard it, where that is another one: of two events that exclude each other
            on two streams, one is published.

    Raises:
        Unavailable: the server is away or refuses to write; nothing is known to have happened, call again.
    """
    (answer,) = publish_each(redis, [FactRecord(stream, event, fact, value, expected, age, facts_of)])
    return answer


def publish_each(redis: Redis, records: Sequence[FactRecord]) -> list[PublishedEntry]:
    """Do what `publish_once` does for each record, in their order and one round trip, each atomic by itself.

    Raises:
        Unavailable: the server is away; some may have been published, call again.
    """
    return publish_calls(redis, record_calls(records))


def record_calls(records: Sequence[FactRecord]) -> list[RecordCall]:
    """Return what the server is asked for each record, in texts and numbers alone."""
    return [_call(one) for one in records]


def publish_calls(redis: Redis, calls: Sequence[RecordCall]) -> list[PublishedEntry]:
    """Do what `publish_each` does for the records that these calls are of; raises as that does."""
    answers = cast("list[list[str]]", _script(redis, "streams.lua").many(calls))
    facts = [keys[1] for keys, _ in calls]
    oldest = {kept: owner for kept, answer in zip(facts, answers, strict=True) for owner in answer[2:]}
    for kept, owner in oldest.items():
        _forget(redis, kept.removesuffix(_FACTS), owner)
    return [PublishedEntry(cast("PublishState", state), value) for state, value, *_ in answers]


def _call(record: FactRecord) -> RecordCall:
    guard, event = record.guard, record.event
    keys = [record.stream, f"{guard}{_FACTS}", f"{guard}:ages", f"{guard}:horizons"]
    return keys, [record.fact, record.expected, record.value, record.age, MOST_FACTS, event.event, write_event(event)]


def _forget(redis: Redis, guard: str, owner: str) -> None:
    """Forget what is too much, from the owner of the oldest fact on."""
    shared = [f"{guard}{_FACTS}", f"{guard}:ages", f"{guard}:horizons"]
    while owner:
        keys = [*shared, f"{guard}:pins:{owner}", f"{guard}:held:{owner}"]
        owner = str(_script(redis, "forget.lua")(keys, [owner, MOST_FACTS]))


def known_facts(redis: Redis, stream: str, facts: list[str]) -> list[str | None]:
    """Return the value of each fact, None where it was never published (or forgotten)."""
    if not facts:
        return []
    with answering(redis):
        return cast("list[str | None]", redis.hmget(f"{stream}:facts", facts))


def pin_owner(redis: Redis, stream: str, owner: str, reason: str) -> None:
    """Keep every fact of `owner` until `unpin_owner`: part of its past is still to be read; safe to call again.

    Without it the newest facts could be forgotten before the oldest are read, and the horizon would hide those.
    """
    with answering(redis):
        redis.sadd(f"{stream}:pins:{owner}", reason)


def unpin_owner(redis: Redis, stream: str, owner: str, reason: str) -> None:
    """Take back one reason of `pin_owner`; without any left, the owner's facts may be forgotten again."""
    keys = [f"{stream}:ages", f"{stream}:pins:{owner}", f"{stream}:held:{owner}"]
    while _script(redis, "unpin.lua")(keys, [reason, _MOVED_AT_ONCE]):
        pass


def dead_letter(entry: StreamEntry, reason: str, now_ms: int) -> DeadLetter:
    """Return what the dead stream keeps of `entry`: whole, with its reason and origin."""
    return DeadLetter(
        id=fact_id("dead", entry.stream, entry.id),
        emitted_at_ms=now_ms,
        stream=entry.stream,
        entry_id=entry.id,
        fields=dict(entry.fields),
        reason=reason,
        deliveries=entry.deliveries,
    )


def trim_stream(redis: Redis, stream: str, keep: int) -> int:
    """Remove entries beyond `keep` that every group has finished with, 10,000 at most; return how many."""
    return int(cast("int", _script(redis, "trim.lua")([stream], [keep])))


def ensure_group(redis: Redis, stream: str, group: str, start: str = "0-0") -> bool:
    """Create `group` after entry `start` of `stream` (its beginning); return False when it was there already."""
    with answering(redis):
        try:
            redis.xgroup_create(stream, group, id=start, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            return False  # there already: another reader made it
    return True


def group_backlog(redis: Redis, stream: str, group: str) -> tuple[int, int]:
    """Return (entries not yet delivered, entries delivered and not acknowledged); (0, 0) without the group."""
    with answering(redis):
        try:
            groups = redis.xinfo_groups(stream)
        except ResponseError as error:
            if _NO_STREAM not in str(error):
                raise
            return 0, 0
    for info in groups:
        if info["name"] == group:
            return int(info.get("lag") or 0), int(info["pending"])
    return 0, 0


def settled(redis: Redis, stream: str, group: str) -> str:
    """Return the id up to which `group` has finished with everything; '0-0' without the group.

    Of a group that is split (`group`, `group-1`, ...: `buyer/domain/token_shard`) the slowest part counts.
    """
    with answering(redis):
        try:
            groups = redis.xinfo_groups(stream)
            positions = [
                _settled(redis.xpending(stream, str(info["name"])), str(info["last-delivered-id"]))
                for info in groups
                if re.fullmatch(rf"{re.escape(group)}(-\d+)?", str(info["name"]))
            ]
        except ResponseError as error:
            if _NO_STREAM not in str(error):
                raise
            return "0-0"
    return min(positions, key=_place, default="0-0")


def _settled(pending: Mapping[str, Any], last_delivered: str) -> str:
    return _just_before(str(pending["min"])) if pending["pending"] else last_delivered


def _place(entry_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split("-"))


def _just_before(entry_id: str) -> str:
    ms, number = (int(part) for part in entry_id.split("-"))
    return f"{ms}-{number - 1}" if number else f"{max(0, ms - 1)}-{2**64 - 1}"


def stream_tail(redis: Redis, stream: str, count: int) -> list[StreamEntry]:
    """Return the newest `count` entries, oldest first."""
    with answering(redis):
        rows = cast("list[tuple[str, dict[str, str]]]", redis.xrevrange(stream, count=count))
    return [StreamEntry(stream, entry_id, fields) for entry_id, fields in reversed(rows)]


def follow_streams(redis: Redis, positions: dict[str, str], block_ms: int = 500, count: int = 500) -> list[StreamEntry]:
    """Read what came after `positions` (stream -> last id) without a group, and move the positions on."""
    with answering(redis):
        reply = redis.xread(cast("Any", positions), count=count, block=block_ms)
    # RESP3 answers {stream: [rows]}, RESP2 [(stream, rows)].
    pairs = reply.items() if isinstance(reply, dict) else (reply or [])
    found: list[StreamEntry] = []
    for told, chunk in cast("Any", pairs):
        stream = bare_key(redis, told)
        rows = [row for rows in chunk for row in rows] if isinstance(reply, dict) else chunk
        found += [StreamEntry(stream, entry_id, fields) for entry_id, fields in rows]
        positions[stream] = rows[-1][0] if rows else positions[stream]
    return found


def stream_lengths(redis: Redis) -> dict[str, int]:
    """Return the length of each of our streams."""
    with answering(redis):
        return {stream: redis.xlen(stream) for stream in STREAMS}
