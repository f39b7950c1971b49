"""The shadows that began on a server: what each decides by, since when, and what is left of one that is forgotten."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import cast

from redis import Redis

from shared.domain.errors import Malformed, RefusedForSafety
from shared.ledger.shadow_ledger import shadow_scope
from shared.messages.base import SIGNALS
from shared.redis.client import answering, bare_key

SHADOWS = "hs:shadows"
_AT_ONCE = 500


@dataclass(frozen=True)
class ShadowRecord:
    """One shadow: the settings that differ from the buyer's, the id of all its limits, and when it began."""

    name: str
    changes: Mapping[str, str]
    limits_id: str
    began_at_ms: int


@dataclass(frozen=True)
class ShadowLife:
    """How a shadow stands: who runs it now ('' for nobody), and how many signals wait for it."""

    holder: str
    backlog: int


def shadow_group(name: str) -> str:
    """Name the group that reads the signals for a shadow."""
    return f"shadow-{name}"


def shadow_lease(name: str) -> str:
    """Name the lease on running a shadow."""
    return shadow_scope(name)


def begin_shadow(redis: Redis, record: ShadowRecord) -> ShadowRecord:
    """Note that a shadow begins, or goes on with what it was; return what stands.

    Raises:
        RefusedForSafety: it ran with other settings: its result would be of both.
        Unavailable: the server is away; safe to call again.
    """
    with answering(redis):
        redis.hsetnx(SHADOWS, record.name, json.dumps({**asdict(record), "changes": dict(record.changes)}))
    known = known_shadows(redis)[record.name]
    if known.limits_id != record.limits_id:
        raise RefusedForSafety(
            f"shadow {record.name} began with other settings ({named_changes(known.changes)}, beside those of then): "
            f"its result would be of both. `hybrid shadow {record.name} --forget` ends that one, or choose another name"
        )
    return known


def known_shadows(redis: Redis) -> dict[str, ShadowRecord]:
    """Return every shadow by its name, the oldest first.

    Raises:
        Unavailable: the server is away. Malformed: a record is none.
    """
    with answering(redis):
        texts = cast("dict[str, str]", redis.hgetall(SHADOWS))
    found = [_record(name, text) for name, text in texts.items()]
    return {record.name: record for record in sorted(found, key=lambda one: (one.began_at_ms, one.name))}


def shadow_life(redis: Redis, name: str) -> ShadowLife:
    """Return how a shadow stands, by the server's clock.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        seconds, micros = redis.time()
        holder, until_ms = cast(
            "list[str | None]", redis.hmget(f"hs:lease:{shadow_lease(name)}", ["holder", "until_ms"])
        )
        groups = redis.xinfo_groups(SIGNALS) if redis.exists(SIGNALS) else []
    held = int(until_ms or 0) > seconds * 1000 + micros // 1000
    waiting = [int(one.get("lag") or 0) + int(one["pending"]) for one in groups if one["name"] == shadow_group(name)]
    return ShadowLife(str(holder) if held else "", sum(waiting))


def forget_shadow(redis: Redis, name: str) -> int:
    """Delete a shadow's ledger, streams, group and record; return how many keys went.

    Raises:
        RefusedForSafety: it runs.
        Unavailable: the server is away; safe to call again.
    """
    life = shadow_life(redis, name)
    if life.holder:
        raise RefusedForSafety(f"shadow {name} runs ({life.holder}): stop it first")
    gone = 0
    with answering(redis):
        found = cast("Iterator[str]", redis.scan_iter(match=f"hs:{shadow_scope(name)}:*", count=_AT_ONCE))
        keys = sorted({bare_key(redis, key) for key in found})
        for at in range(0, len(keys), _AT_ONCE):
            gone += redis.unlink(*keys[at : at + _AT_ONCE])
        if redis.exists(SIGNALS):
            redis.xgroup_destroy(SIGNALS, shadow_group(name))
        redis.hdel(SHADOWS, name)
        gone += redis.unlink(f"hs:lease:{shadow_lease(name)}")
    return gone


def named_changes(changes: Mapping[str, str]) -> str:
    """Return changes as a person types them."""
    return " ".join(f"{setting}={value}" for setting, value in changes.items()) or "the buyer's own settings"


def _record(name: str, text: str) -> ShadowRecord:
    try:
        said = json.loads(text)
        changes = {str(setting): str(value) for setting, value in said["changes"].items()}
        return ShadowRecord(name, changes, str(said["limits_id"]), int(said["began_at_ms"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"the record of shadow {name} cannot be read: {text[:200]}") from error
