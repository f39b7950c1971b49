"""The limits that the active buyer decides by, in Redis: so that whoever looks can say how much of each is used."""

import json
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis

from shared.redis.client import answering


def limits_key(mode: str) -> str:
    """Name where the limits of a ledger's buyer stand."""
    return f"hs:{mode}:limits"


def write_limits(redis: Redis, mode: str, limits: Mapping[str, Any]) -> None:
    """Tell the limits as plain JSON values: amounts are decimal strings.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    with answering(redis):
        redis.set(limits_key(mode), json.dumps(limits))


def read_limits(redis: Redis, mode: str) -> dict[str, Any]:
    """Return what the last buyer of this ledger decided by; nothing where none told.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        text = cast("str | None", redis.get(limits_key(mode)))
    try:
        found: Any = json.loads(text) if text else {}
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
