"""What became of the newest decisions, by leader: how many trades of his were copied, and how many of those filled."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder
from redis import Redis

from shared.messages.base import DECISIONS
from shared.redis.client import answering

NEWEST = 2000
"""Entries that are looked at: a page must not read for long."""
_AT_ONCE = 250


@dataclass(frozen=True)
class LeaderCounts:
    """Of one leader: decisions, those that made an order, and the orders that got shares."""

    decided: int = 0
    copied: int = 0
    filled: int = 0


class _Got(Struct):
    shares: str = "0"


class _Told(Struct):
    event: str = ""
    mode: str = ""
    leader: str = ""
    verdict: str = ""
    outcome: _Got | None = None


_decode = Decoder(_Told).decode


def leader_counts(redis: Redis, mode: str) -> dict[str, LeaderCounts]:
    """Return the counts of each leader among the newest entries; what cannot be read counts for nobody.

    Raises:
        Unavailable: the server is away.
    """
    found: dict[str, LeaderCounts] = {}
    for told in _newest(redis):
        if told.event != "BUY_ENGINE_DECISION" or told.mode != mode:
            continue
        before, copied = found.get(told.leader, LeaderCounts()), told.verdict in {"BUY", "SELL"}
        filled = copied and told.outcome is not None and told.outcome.shares not in {"", "0"}
        found[told.leader] = LeaderCounts(before.decided + 1, before.copied + copied, before.filled + filled)
    return found


def _newest(redis: Redis) -> Iterator[_Told]:
    before, left = "+", NEWEST
    while left > 0:
        with answering(redis):
            page = cast(
                "list[tuple[str, dict[str, str]]]", redis.xrevrange(DECISIONS, max=before, count=min(left, _AT_ONCE))
            )
        for _, fields in page:
            try:
                yield _decode(fields.get("json", ""))
            except (MsgspecError, UnicodeError):
                continue
        if len(page) < min(left, _AT_ONCE):
            return
        left, before = left - len(page), f"({page[-1][0]}"
