"""A script that runs in the very step that takes a turn at a gate: one round trip, and nothing between the two."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from redis import Redis

from shared.domain.errors import Unavailable
from shared.rate_limit.gate import GATE_SCRIPT, GateTurn, RateGate
from shared.rate_limit.limits import GateLane
from shared.redis.client import LuaScript

_BOTH = """local function gate(KEYS, ARGV)
{gate}
end
local function step(KEYS, ARGV)
{step}
end
local turn = gate({{KEYS[1], KEYS[2]}}, {{ARGV[1], ARGV[2], ARGV[3], ARGV[4]}})
if turn ~= 1 and (turn[1] ~= 1 or turn[2] > 0) then return {{turn}} end
return {{1, step({{unpack(KEYS, 3)}}, {{unpack(ARGV, 5)}})}}
"""


def _nothing() -> None:
    """Do nothing."""


class GateTurns(threading.local):
    """Turns at one gate; each thread has its own `taken`: whether it holds one that it has not used yet.

    `meanwhile` is what a thread has to do while the server carries out its next step.
    """

    taken = False
    meanwhile: Callable[[], object] = staticmethod(_nothing)

    def __init__(self, gate: RateGate, stop: threading.Event, lane: GateLane = GateLane.ORDERS) -> None:
        self.gate, self.stop, self.lane = gate, stop, lane

    def take(self) -> None:
        """Wait for a turn.

        Raises:
            Unavailable: stopping; nothing was sent.
        """
        if not self.gate.acquire(self.stop, self.lane):
            raise Unavailable("stopping, nothing was sent")
        self.taken = True

    def use(self) -> None:
        """Use the turn that is held, or wait for one."""
        if not self.taken:
            self.take()
        self.taken = False


class GatedScript:
    """A script that can be run by itself, or at a turn."""

    def __init__(self, redis: Redis, file: Path) -> None:
        gate, step = (one.read_text(encoding="utf-8") for one in (GATE_SCRIPT, file))
        self._step = LuaScript(redis, step, durable=True)
        self._both = LuaScript(redis, _BOTH.format(gate=gate, step=step), durable=True)

    def __call__(self, keys: Sequence[str], args: Sequence[Any], turns: GateTurns | None = None) -> Any:  # noqa: ANN401 - a script's own answer
        """Run the script, at the next of `turns` where it needs one.

        The turn is taken in the same step when it is now; else the script runs by itself once the turn has come.

        Raises:
            Unavailable: the server is away, and the script may or may not have run; or stopping, and it has not.
        """
        if turns is None:
            return self._step(keys, args)
        if turns.stop.is_set():
            raise Unavailable("stopping, nothing was sent")
        turn, fallback, heard = GateTurn((turns.gate,), turns.lane, 1), turns.gate.fallback, None
        if not fallback.away and fallback.hold_s <= 0:
            heard, *done = self._both([*turn.keys, *keys], [*turn.args(), *args], turns.meanwhile)
            if done:
                turns.taken = True
                return done[0]
        if not turn.wait(turns.stop, heard):
            raise Unavailable("stopping, nothing was sent")
        turns.taken = True
        return self._step(keys, args, turns.meanwhile)

    def many(self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run the script for each of `calls` in one round trip; raises as `LuaScript.many` does."""
        return self._step.many(calls)

    def send(
        self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]], turns: Sequence[GateTurns | None]
    ) -> list[Callable[[], Any]]:
        """Send the script for each of `calls`, at its turn where it has one, and go on (`LuaScript.send_each`).

        Whoever asks for the answer of one waits for it; where its turn is later, for that, and runs it then.

        Raises:
            Unavailable: as when it is called, from here or from each answer; some may have run.
        """
        asked = [GateTurn((at.gate,), at.lane, 1) if at and _is_open(at) else None for at in turns]
        now = [place for place, at in enumerate(turns) if at is None or asked[place]]
        sent = self._step.send_each([self._call(asked[place], *calls[place]) for place in now])
        answers: dict[int, Callable[[], Any]] = {
            place: partial(self._answered, turns[place], asked[place], partial(sent.answer, order), *calls[place])
            for order, place in enumerate(now)
        }
        return [
            answers[place] if place in answers else partial(self, keys, args, turns[place])
            for place, (keys, args) in enumerate(calls)
        ]

    def _call(
        self, turn: GateTurn | None, keys: Sequence[str], args: Sequence[Any]
    ) -> tuple[LuaScript, Sequence[str], Sequence[Any]]:
        return (self._both, [*turn.keys, *keys], [*turn.args(), *args]) if turn else (self._step, keys, args)

    def _answered(
        self,
        at: GateTurns | None,
        turn: GateTurn | None,
        answer: Callable[[], Any],
        keys: Sequence[str],
        args: Sequence[Any],
    ) -> Any:  # noqa: ANN401 - a script's own answer
        """Return what the script answered, or answers once its turn has come."""
        if at is None or turn is None:
            return answer()
        heard, *done = answer()
        if not done and not turn.wait(at.stop, heard):
            raise Unavailable("stopping, nothing was sent")
        at.taken = True
        return done[0] if done else self._step(keys, args)


def _is_open(at: GateTurns) -> bool:
    """Say whether the server is asked for a turn: not after a stop, and not while it is away or we hold."""
    return not at.stop.is_set() and not at.gate.fallback.away and at.gate.fallback.hold_s <= 0
