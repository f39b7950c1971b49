"""A server that is put back to a copy of itself, under a live buyer; who told the signals tells them again."""

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading
from detector.publishing.recent_writes import RecentWrites
from shared.messages.base import SIGNALS
from shared.redis.client import connect_redis
from shared.redis.server_memory import ServerMemory
from shared.redis.streams import PublishedEntry, publish_once

LEADERS = tuple("0x" + digit * 40 for digit in "abc")
FILES = "appendonlydir"
SEQ = "hs:live:seq"


@dataclass
class Backwards:
    """The teller of signals, and the hand that puts the server back."""

    world: Trading
    dice: random.Random
    signals: dict[str, str]
    lost: list[int] = field(default_factory=list[int])
    told_again: int = 0
    child: int = 0

    def __post_init__(self) -> None:
        memory = ServerMemory()
        self._redis = connect_redis(self.world.server.url, greet=memory.greet)
        self._recent = RecentWrites(CLOCK, memory)

    def go(self, start: Callable[[], int]) -> None:
        """Let signals come, put the server back by 1 to 5 s, and tell again what it forgot; the buyer dies at times."""
        if not self._lives():
            self.child = start()
        self._tell_for(self.dice.uniform(1.0, 3.0))
        copy = self.world.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.world.server.folder / FILES, copy)
        self._tell_for(self.dice.uniform(1.0, 5.0))
        if self.dice.random() < 0.3:
            os.kill(self.child, signal.SIGKILL)
            os.waitpid(self.child, 0)
            self.child = 0
        before = int(str(self._redis.get(SEQ) or 0))
        self.world.server.kill()
        shutil.rmtree(self.world.server.folder / FILES)
        shutil.copytree(copy, self.world.server.folder / FILES)
        self.world.server.restart()
        self.lost.append(before - int(str(self.world.redis.get(SEQ) or 0)))
        self._redis.ping()
        self.told_again += self._recent.tell_again(self._redis, lambda write: write())

    def end(self, end: Callable[[int], object]) -> None:
        """End the buyer that still lives."""
        CLOCK.wait(NEVER, 8.0)
        if self._lives():
            end(self.child)
        self.child = 0

    def judged(self, said: int) -> Mapping[str, Any]:
        """Return what was lost, and whether each loss was said; `said` counts what buyers said of their ledger."""
        losses = [steps for steps in self.lost if steps > 0]
        return {
            "put_back": len(self.lost),
            "steps_lost": sum(losses),
            "losses_said": f"{said} of {len(losses)}",
            "told_again": self.told_again,
            "losses_not_said": max(0, len(losses) - said),
        }

    def _lives(self) -> bool:
        with contextlib.suppress(ChildProcessError):
            return bool(self.child) and os.waitpid(self.child, os.WNOHANG) == (0, 0)
        return False

    def _tell_for(self, seconds: float) -> None:
        until = CLOCK.monotonic() + seconds
        while CLOCK.monotonic() < until:
            self._tell_one()
            CLOCK.wait(NEVER, self.dice.uniform(0.1, 0.7))

    def _tell_one(self) -> None:
        sells = self.dice.random() < 0.2
        token = self.dice.choice((self.world.token, self.world.other, self.world.tokens[1]))
        leader = self.dice.choice(LEADERS)
        number, side = len(self.signals), "SELL" if sells else "BUY"
        event = self.world.signal(number, token, run="back", side=side, leader=leader)

        def publish() -> PublishedEntry:
            return publish_once(self._redis, SIGNALS, event, fact=f"{leader}:{event.id}", age=event.traded_at_ms)

        self._recent.remember(SIGNALS, (publish(),), lambda: (publish(),))
        self.signals[event.id] = side
