"""Whose signals are bought: leaders that somebody follows, not whoever stands on the stream (pitfall 49).

Followed are those of our own TRACKED_WALLETS and, unless `TRUST_SERVER_LEADERS` is off, those that `hybrid follow`
added and that detectors brought with their environment or file; never those of `hybrid unfollow`. Sells are not asked
about: they only ever end lots of ours, also of a leader who is not followed any more.
"""

from collections.abc import Iterable

from redis import Redis

from shared.clock import Clock
from shared.messages.decisions import RuleResult
from shared.messages.signals import ActionableSignal
from shared.redis.followed_leaders import brought_leaders, followed_leaders, unfollowed

REFRESH_S = 2.0
"""`hybrid unfollow` counts here so soon; the detector stops telling within a second."""


class LeaderCheck:
    """Knows who is followed; asks the server again between signals, and once more before somebody is refused."""

    def __init__(self, redis: Redis, own: Iterable[str], *, clock: Clock, trust_server: bool = True) -> None:
        self._redis, self._own, self._clock, self._trust_server = redis, frozenset(own), clock, trust_server
        self._followed: frozenset[str] = frozenset()
        self._read_at: float | None = None

    def refresh(self) -> None:
        """Read who is followed, if the last time is a while ago.

        Raises:
            Unavailable: the server is away.
        """
        if self._read_at is None or self._clock.monotonic() - self._read_at >= REFRESH_S:
            self._read()

    def refusal(self, signal: ActionableSignal) -> RuleResult | None:
        """Return the rule by which a signal is skipped; None for a sell, and where its leader is followed.

        Raises:
            Unavailable: nobody can tell, as the server is away.
        """
        if signal.side == "SELL":
            return None
        if signal.leader not in self._followed:
            self._read()
        if signal.leader in self._followed:
            return None
        return RuleResult(rule="leader_followed", passed=False, value=signal.leader, limit=self._limit())

    def _read(self) -> None:
        server = (*followed_leaders(self._redis), *brought_leaders(self._redis)) if self._trust_server else ()
        self._followed = self._own.union(server) - unfollowed(self._redis).keys()
        self._read_at = self._clock.monotonic()

    def _limit(self) -> str:
        where = "TRACKED_WALLETS, hybrid follow or a detector" if self._trust_server else "TRACKED_WALLETS"
        return f"one of {len(self._followed)} that {where} names"
