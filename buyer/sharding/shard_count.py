"""The number of shards of one server's buyers: the same for all of them, changed only while none of them works."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from redis import Redis

from buyer.domain.token_shard import TokenShard
from buyer.sharding.shard_leases import LAYOUT
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Fenced, RefusedForSafety, Unavailable
from shared.domain.trading_words import MODES, PAPER
from shared.messages.base import SIGNALS
from shared.redis.client import LuaScript, answering

EMPTIED = "the server was emptied: balances, intents and signals are gone"
_ASK_EVERY_S = 0.5
_CHANGED = "changed"
"""Others than those we asked for stand by now."""


class ShardCount:
    """The number that this process was told, beside the one that stands on the server.

    `halt` turns the kill switch on, without asking for a lease: on an emptied server nobody holds one.
    """

    def __init__(
        self,
        redis: Redis,
        shards: int,
        *,
        clock: Clock,
        patience_s: float,
        halt: Callable[[str], None],
        mode: str = PAPER,
    ) -> None:
        self.shards, self._mode = shards, mode
        self._redis, self._clock, self._patience_s, self._halt = redis, clock, patience_s, halt
        self._script = LuaScript(redis, Path(__file__).with_suffix(".lua"))
        self._log = logs.get_logger("buyer")

    @property
    def condition(self) -> tuple[str, str]:
        """Return what must stand for a lease to be taken."""
        return LAYOUT, str(self.shards)

    def claim(self, stop: threading.Event) -> bool:
        """Make our number stand, once nobody works under another; False when `stop` was set first.

        Raises:
            RefusedForSafety: somebody goes on to work under another number.
        """
        began = self._clock.monotonic()
        while not stop.is_set():
            try:
                in_the_way = self.ensure()
            except Unavailable:
                in_the_way, began = "", self._clock.monotonic()
            else:
                if not in_the_way:
                    return True
            if self._clock.monotonic() - began > self._patience_s:
                raise RefusedForSafety(
                    f"BUYER_SHARDS={self.shards}: {in_the_way} works under another number; "
                    "stop every buyer before you change it, or give this one theirs"
                )
            self._clock.wait(stop, _ASK_EVERY_S)
        return False

    def ensure(self) -> str:
        """Make our number stand unless somebody works under another; return who that is, and on what."""
        state, holder = _CHANGED, ""
        while state == _CHANGED:
            with answering(self._redis):
                stands = int(cast("str | None", self._redis.get(LAYOUT)) or 1)
            shards = [TokenShard(number, stands) for number in range(stands)]
            leases = [f"hs:lease:{shard.lease(mode)}" for mode in MODES for shard in shards]
            told = [self.shards, stands, self._mode, *MODES]
            state, holder = cast("list[str]", self._script([LAYOUT, SIGNALS, *leases], told))
        return f"{holder} (on {state})" if state else ""

    def restore(self) -> bool:
        """Make the layout stand on a server that lost it, after all buying is stopped; return whether it had.

        Raises:
            Fenced: others work under another number by now.
        """
        with answering(self._redis):
            stands = cast("str | None", self._redis.get(LAYOUT))
        if stands == str(self.shards):
            return False
        if stands is not None:
            raise Fenced(f"BUYER_SHARDS={stands} took over from {self.shards}")
        self._halt(EMPTIED)
        self._log.error("layout_gone", shards=self.shards, fix="check the server's persistence")
        if in_the_way := self.ensure():
            raise Fenced(f"BUYER_SHARDS={self.shards}: {in_the_way} took over")
        return True
