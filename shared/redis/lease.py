"""One active holder at a time, told apart by a fencing token that only grows."""

import threading
from pathlib import Path
from typing import cast

from redis import Redis

from shared.clock import Clock
from shared.domain.errors import Emptied, Fenced, Unavailable
from shared.domain.ledger_write import FencingToken
from shared.redis.client import LuaScript, answering

NOBODY = "none"
"""A token that no lease ever has: what is not held lets no write through."""


class Lease:
    """A named lease. The same holder may take it again at once (a restart); another one waits until it ran out.

    With `only_while` (a key, and the value it must have) it can only be taken while that holds.
    """

    def __init__(
        self,
        redis: Redis,
        name: str,
        holder: str,
        *,
        clock: Clock,
        ttl_s: float = 10.0,
        only_while: tuple[str, str] | None = None,
    ) -> None:
        self.key = f"hs:lease:{name}"
        self.holder = holder
        self.token = ""
        self._redis, self._condition = redis, only_while
        self._script = LuaScript(redis, Path(__file__).with_name("lease.lua"))
        self._clock, self._ttl_s = clock, ttl_s
        self._renew_at = self._ends_at = 0.0

    def try_acquire(self) -> str:
        """Take the lease if it is free; return the holder in our way, or '' when it is ours now."""
        token, other = self._ask("")
        if not token:
            return other
        self.token = token
        self._prolonged()
        return ""

    def last_holder(self) -> str:
        """Return who took the lease last, whether they still hold it or not; '' for nobody."""
        with answering(self._redis):
            return cast("str | None", self._redis.hget(self.key, "holder")) or ""

    def acquire(self, stop: threading.Event) -> bool:
        """Wait until the lease is ours; False when `stop` was set first."""
        while not stop.is_set():
            try:
                if not self.try_acquire():
                    return True
            except Unavailable:
                pass
            self._clock.wait(stop, self._ttl_s / 10)
        return False

    def renew(self) -> None:
        """Prolong the lease when a third of it has passed.

        Raises:
            Fenced: somebody else holds it now; stop working.
            Emptied: nobody does, so the server forgot it.
        """
        if self._clock.monotonic() < self._renew_at:
            return
        token, other = self._ask(self.token)
        if not token and not other:
            raise Emptied(f"{self.key} is gone: the server was emptied")
        if not token:
            raise Fenced(f"{self.key} is held by {other} now; this process lost it")
        self._prolonged()

    @property
    def overdue(self) -> bool:
        """Say whether the lease was not renewed for its whole length: who works under it hangs, or cannot."""
        return bool(self.token) and self._clock.monotonic() >= self._ends_at

    def release(self) -> None:
        """Let another holder in at once, if the lease is still ours; while the server is away it just runs out."""
        try:
            if self.token:
                self._ask(self.token, 0)
        except Unavailable:
            return
        finally:
            self.token = ""

    @property
    def fence(self) -> FencingToken:
        """Return what every write must carry; without the lease, what no write gets through with."""
        return FencingToken(self.key, self.token or NOBODY)

    def _ask(self, token: str, ttl_s: float | None = None) -> tuple[str, str]:
        ttl_ms = int((self._ttl_s if ttl_s is None else ttl_s) * 1000)
        condition, value = self._condition or (self.key, "")
        reply = cast("list[str]", self._script([self.key, condition], [self.holder, ttl_ms, token, value]))
        return reply[0], reply[1]

    def _prolonged(self) -> None:
        now = self._clock.monotonic()
        self._renew_at, self._ends_at = now + self._ttl_s / 3, now + self._ttl_s
