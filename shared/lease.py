"""One active holder at a time, told apart by a fencing token that only grows."""

import threading
from pathlib import Path
from typing import cast

from redis import Redis

from shared.broker import Script
from shared.clock import Clock
from shared.errors import Emptied, Fenced, Unavailable
from shared.writes import Fence


class Lease:
    """A named lease. The same holder may take it again at once (a restart); another one waits until it ran out."""

    def __init__(self, redis: Redis, name: str, holder: str, *, clock: Clock, ttl_s: float = 10.0) -> None:
        self.key = f"hs:lease:{name}"
        self.holder = holder
        self.token = ""
        self._script = Script(redis, Path(__file__).with_name("lease.lua"))
        self._clock, self._ttl_s = clock, ttl_s
        self._renew_at = 0.0

    def try_acquire(self) -> str:
        """Take the lease if it is free; return the holder in our way, or '' when it is ours now."""
        token, other = self._ask("")
        if not token:
            return other
        self.token = token
        self._renew_at = self._clock.monotonic() + self._ttl_s / 3
        return ""

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
        self._renew_at = self._clock.monotonic() + self._ttl_s / 3

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
    def fence(self) -> Fence:
        """Return what every write must carry."""
        return Fence(self.key, self.token)

    def _ask(self, token: str, ttl_s: float | None = None) -> tuple[str, str]:
        ttl_ms = int((self._ttl_s if ttl_s is None else ttl_s) * 1000)
        reply = cast("list[str]", self._script([self.key], [self.holder, ttl_ms, token]))
        return reply[0], reply[1]
