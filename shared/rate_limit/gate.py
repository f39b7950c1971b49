"""One request budget per upstream, shared by every thread and process: a gate in Redis.

A caller asks once and gets its slot: it sleeps until then, asks whether the gate still stands, and goes. Waiting
callers are served in order across processes, higher lanes first. All arithmetic is in `gate.lua`, on the server's
clock.

Several processes with different limits on one name: the lowest target of the last minute holds for all of them.
A server that restarts empty means a cold start (no burst, full target); holds live on in the processes that saw
them. A server that cannot be asked means the floor rate in each process, until it answers again: never no limit.
"""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from redis import Redis

from shared.clock import Clock
from shared.domain.errors import BadConfig, Unavailable
from shared.rate_limit.limits import PATIENCE_S, GateLane, GateLimits, GateState
from shared.redis.client import LuaScript, answering

__all__ = ["GateLane", "GateLimits", "GateState", "RateGate", "acquire_all", "read_gates"]

GATE_SCRIPT = Path(__file__).with_suffix(".lua")
"""The script of every gate; `shared/ledger/gated_commit` runs it in one step with the ledger's."""

REGISTRY = "hs:gates"
CHECK_EVERY_S = 5.0
"""The longest sleep without asking again: how late we notice that a long hold was lifted."""
ASK_AGAIN_S = 1.0
"""How long a server that failed is left alone; callers live on the floor rate meanwhile."""

_NO_TICKET = ""
_LANE_TEXT = {lane: f"{lane:d} {round(seconds * 1e6)}" for lane, seconds in PATIENCE_S.items()}
_FIELDS = (
    *("mood", "seen", "phys", "granted", "gap", "burst", "full_at"),
    *("rate", "burst", "floor", "recover", "cut", "cool_down", "slow_factor", "slow_floor"),
    *("t1", "t2", "t3", "t4", "s2", "s3", "s4", "factor", "hold", "gen", "cut_at", "up_at", "rate_at", "throttled"),
    *("slow", "base"),
)
"""A gate's state as `gate.lua` writes it; times in microseconds."""


class RateGate:
    """A shared budget named `name`; distinct names are distinct budgets. Safe to use from any thread."""

    def __init__(self, redis: Redis, name: str, limits: GateLimits, *, clock: Clock) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,62}", name):
            raise BadConfig(f"Gate name {name!r} must be 1 to 63 of a-z 0-9 _ . - and start with a letter or digit.")
        self.name = name
        self.limits = limits
        self.key = f"hs:gate:{name}"
        self.clock = clock
        self.script = LuaScript(redis, GATE_SCRIPT)
        self.fallback = FallbackGate(limits, clock)
        self._redis = redis
        self.limits_text = _limits_text(limits)
        self._lock = threading.Lock()
        self._successes = 0
        self._latencies_s: list[float] = []

    def acquire(self, stop: threading.Event, lane: GateLane = GateLane.FRESH, cost: int = 1) -> bool:
        """Wait for a turn worth `cost` requests; return False only when `stop` was set."""
        return acquire_all((self,), stop, lane, cost)

    def throttled(self, retry_after_s: float | None = None) -> None:
        """Report a refusal: everybody holds, for `retry_after_s` or `limits.hold_s`, and the rate is cut.

        The cut happens once per cool-down, however many callers were refused. Never raises `Unavailable`: without
        Redis this process holds alone.
        """
        asked_s = self.limits.hold_s if retry_after_s is None else max(0.0, retry_after_s)
        hold_s = min(asked_s, self.limits.max_hold_s)
        self.fallback.hold(hold_s)
        try:
            self.script([REGISTRY, self.key], [1, f"cut {round(hold_s * 1e6)}", self.limits_text, ";"])
        except Unavailable:
            self.fallback.server_failed()

    def succeeded(self, latency_s: float | None = None) -> None:
        """Report an answer that was no throttle; it travels with the next `acquire`, at no cost of its own."""
        with self._lock:
            self._successes += 1
            if latency_s is not None:
                self._latencies_s.append(latency_s)

    def snapshot(self) -> GateState:
        """Return this gate's shared state, or our own fallback when Redis does not answer."""
        try:
            found = _read(self._redis, [self.name])
        except Unavailable:
            return self.fallback.state(self.name)
        return found[0] if found else _unused(self.name, self.limits)

    def note(self, ticket: str) -> str:
        """Return what the script should know: the successes reported since the last call, and the ticket."""
        news = self._news() if self._successes else ""
        return f"{news};{ticket}"

    def _news(self) -> str:
        with self._lock:
            successes, latencies_s = self._successes, self._latencies_s
            self._successes, self._latencies_s = 0, []
        mean_s = sum(latencies_s) / len(latencies_s) if latencies_s else 0.0
        return f"{successes} {round(mean_s * 1e6)}"


class FallbackGate:
    """What one process knows by itself: holds it saw, and the floor rate for when Redis is away."""

    def __init__(self, limits: GateLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.Lock()
        self._hold_until = 0.0
        self._next = 0.0
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        """Tell whether the server failed just now and should be left alone."""
        return self._away_until > 0 and self._away_until > self._clock.monotonic()

    @property
    def hold_s(self) -> float:
        """Return how long a throttle this process saw still holds; 0 or less when none does."""
        return self._hold_until - self._clock.monotonic() if self._hold_until else 0.0

    def hold(self, seconds: float) -> None:
        """Hold for `seconds` from now, or longer when a longer hold stands."""
        with self._lock:
            self._hold_until = max(self._hold_until, self._clock.monotonic() + seconds)

    def reserve(self, cost: int) -> float:
        """Reserve a slot at the floor rate, in this process alone; return its monotonic time."""
        with self._lock:
            start = max(self._next, self._hold_until, self._clock.monotonic())
            self._next = start + cost / self._limits.slowest_per_s
            return self._next

    def server_failed(self) -> None:
        """Leave the server alone for a moment."""
        with self._lock:
            self._away_until = self._clock.monotonic() + ASK_AGAIN_S

    def server_answered(self) -> None:
        """Forget the queue of the outage."""
        if self._away_until:
            with self._lock:
                self._away_until = self._next = 0.0

    def state(self, name: str) -> GateState:
        """Return the state of a gate that only this process keeps."""
        target, rate = self._limits.rate_per_s, self._limits.slowest_per_s
        hold_s = max(0.0, self.hold_s)
        return GateState(name, target, rate, rate / target, self._limits.burst, hold_s, reachable=False)


def acquire_all(
    gates: Sequence[RateGate], stop: threading.Event, lane: GateLane = GateLane.FRESH, cost: int = 1
) -> bool:
    """Wait for a turn at every gate at once, all or none (say a route's and its host's); False only on `stop`.

    The gates must live in one Redis. Their order does not matter and a gate given twice counts once, so callers
    cannot deadlock. A `cost` above a gate's burst is saved up before it goes.
    """
    if cost < 1:
        raise BadConfig(f"A turn cannot cost {cost}: at least 1.")
    if stop.is_set():
        return False
    if len(gates) > 1:
        gates = list({gate.name: gate for gate in gates}.values())
    return GateTurn(gates, lane, cost).wait(stop) if gates else True


class GateTurn:
    """One caller's way through its gates: ask, sleep, ask again with the ticket, go."""

    def __init__(self, gates: Sequence[RateGate], lane: GateLane, cost: int) -> None:
        self._gates = gates
        self._clock = gates[0].clock
        self._cost = cost
        self.keys = [REGISTRY, *[gate.key for gate in gates]]
        self._wish = (cost, _LANE_TEXT[lane])
        self._tickets = [_NO_TICKET] * len(gates)
        self._own_slot: float | None = None

    def wait(self, stop: threading.Event, heard: Any = None) -> bool:  # noqa: ANN401 - a script's own answer
        """Sleep and ask until the turn comes, first by what was `heard`; return False as soon as `stop` is set."""
        while True:
            if heard is not None:
                (go, wait_s), heard = self._heard(heard), None
            else:
                go, wait_s = self._own_answer() if self._gates[0].fallback.away else self._answer()
            if wait_s > 0 and self._clock.wait(stop, wait_s):
                return False
            hold_s = max([gate.fallback.hold_s for gate in self._gates])
            if go and hold_s <= 0:
                return True
            if go:  # a throttle came in this process while we slept, or Redis lost one: queue again behind it
                self._tickets, self._own_slot = [_NO_TICKET] * len(self._gates), None
                if self._clock.wait(stop, min(hold_s, CHECK_EVERY_S)):
                    return False

    def _answer(self) -> tuple[bool, float]:
        """Ask the server; return whether to go after the wait, and the wait in seconds."""
        try:
            return self._heard(self._gates[0].script(self.keys, self.args()))
        except Unavailable:
            for gate in self._gates:
                gate.fallback.server_failed()
            return self._own_answer()

    def _heard(self, answer: Any) -> tuple[bool, float]:  # noqa: ANN401 - a script's own answer
        for gate in self._gates:
            gate.fallback.server_answered()
        if answer == 1:
            return True, 0.0
        go, wait_us, *tickets = answer
        if not go:
            self._tickets = tickets
        wait_s = wait_us / 1e6
        return bool(go), wait_s if go else min(wait_s, CHECK_EVERY_S)

    def args(self) -> list[Any]:
        """Return what `gate.lua` is asked with now; the news go with it."""
        args: list[Any] = [*self._wish]
        for gate, ticket in zip(self._gates, self._tickets, strict=True):
            args += (gate.limits_text, gate.note(ticket))
        return args

    def _own_answer(self) -> tuple[bool, float]:
        """Queue at the floor rate of this process; look at the server again now and then."""
        if self._own_slot is None:
            self._own_slot = max(gate.fallback.reserve(self._cost) for gate in self._gates)
        wait_s = self._own_slot - self._clock.monotonic()
        return wait_s <= ASK_AGAIN_S, min(wait_s, ASK_AGAIN_S)


def read_gates(redis: Redis) -> list[GateState]:
    """Return the state of every gate in use, by name.

    Raises:
        Unavailable: Redis does not answer.
    """
    with answering(redis):
        names = cast("set[str]", redis.smembers(REGISTRY))
    return _read(redis, sorted(names))


def _read(redis: Redis, names: Sequence[str]) -> list[GateState]:
    """Read what exists of `names`, in one round trip."""
    with answering(redis), redis.pipeline(transaction=False) as batch:
        batch.time()
        for name in names:
            batch.get(f"hs:gate:{name}")
        (seconds, micros), *found = batch.execute()
    now_us = seconds * 1_000_000 + micros
    return [_state(name, text, now_us) for name, text in zip(names, found, strict=True) if text]


def _state(name: str, text: str, now_us: int) -> GateState:
    words = dict(zip(_FIELDS, text.replace("|", " ").split(), strict=True))
    calm = words.pop("mood") == "calm"
    value = {field: float(word) for field, word in words.items()}
    target, factor = value["rate"], value["factor"]
    rate_now = max(min(value["floor"], target), target * factor)
    return GateState(
        name,
        target_per_s=target,
        rate_now_per_s=rate_now,
        factor=factor,
        burst=int(value["burst"]),
        hold_s=max(0.0, (value["hold"] - now_us) / 1e6),
        granted=int(value["granted"]),
        throttled=int(value["throttled"]),
        waiting=0 if calm else max(0, round((value["t4"] - max(value["phys"], now_us)) / 1e6 * rate_now)),
    )


def _unused(name: str, limits: GateLimits) -> GateState:
    return GateState(name, limits.rate_per_s, limits.rate_per_s, 1.0, limits.burst)


def _limits_text(limits: GateLimits) -> str:
    """Encode the limits in the order `gate.lua` reads them."""
    cool_down_us, slow_floor_us = round(limits.cool_down_s * 1e6), round(limits.slow_floor_s * 1e6)
    return (
        f"{limits.rate_per_s:.6f} {limits.burst} {limits.floor_per_s:.6f} {limits.recover_per_s} {limits.cut} "
        f"{cool_down_us} {limits.slow_factor} {slow_floor_us}"
    )
