"""Market facts in Redis: what one process asked Gamma for, all know, and a restart begins warm.

A cache: what it cannot answer, or what nobody can read, is simply not known.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from redis import Redis

from shared.clock import Clock
from shared.domain.errors import Malformed, Unavailable
from shared.domain.market import MarketFacts
from shared.messages.value_codec import codec_of, plain_value
from shared.redis.client import answering

MARKETS = "hs:markets"
"""Hash: token -> `{"at_ms", "facts"}`; beside it a sorted set of the times, oldest of which leave first."""
AGES = "hs:markets:ages"
MOST_STORED = 50_000
MOST_AT_START = 2000


class StoredFacts(NamedTuple):
    """Facts, and how old they are."""

    facts: MarketFacts
    age_s: float


class MarketStore:
    """Facts by token, shared by all processes on one server."""

    def __init__(self, redis: Redis, clock: Clock, *, most: int = MOST_STORED) -> None:
        self._redis, self._clock, self._most = redis, clock, most

    def read(self, tokens: Sequence[str]) -> list[StoredFacts]:
        """Return what is known of these tokens; nothing when the server is away."""
        if not tokens:
            return []
        try:
            with answering(self._redis):
                found = cast("list[str | None]", self._redis.hmget(MARKETS, list(tokens)))
        except Unavailable:
            return []
        stored = [self._read(text) for text in found if text is not None]
        return [one for one in stored if one is not None]

    def newest(self, count: int = MOST_AT_START) -> list[StoredFacts]:
        """Return what was asked for last; nothing when the server is away."""
        try:
            with answering(self._redis):
                tokens = cast("list[str]", self._redis.zrevrange(AGES, 0, count - 1))
        except Unavailable:
            return []
        return self.read(tokens)

    def write(self, facts: Iterable[MarketFacts]) -> None:
        """Keep what was just learned; the oldest beyond the limit leave. Nothing happens when the server is away."""
        now_ms = self._clock.now_ms()
        texts = {
            fact.token_id: json.dumps({"at_ms": now_ms, "facts": plain_value(fact)}, separators=(",", ":"))
            for fact in facts
        }
        if not texts:
            return
        try:
            with answering(self._redis), self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(MARKETS, mapping=cast("dict[Any, Any]", texts))
                pipe.zadd(AGES, dict.fromkeys(texts, now_ms))
                pipe.execute()
                self._bound()
        except Unavailable:
            return

    def _bound(self) -> None:
        surplus = int(self._redis.zcard(AGES)) - self._most
        if surplus <= 0:
            return
        oldest = cast("list[str]", self._redis.zrange(AGES, 0, surplus - 1))
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hdel(MARKETS, *oldest)
            pipe.zrem(AGES, *oldest)
            pipe.execute()

    def _read(self, text: str) -> StoredFacts | None:
        try:
            said = json.loads(text)
            facts = codec_of(MarketFacts).of_plain(said["facts"])
            return StoredFacts(facts, max(0.0, (self._clock.now_ms() - int(said["at_ms"])) / 1000))
        except (ValueError, KeyError, TypeError, Malformed):
            return None
