"""The shared gate: one budget for any number of callers, on a stage where time moves only when everybody waits."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fakeredis
import pytest
from fakeredis.commands_mixins import server_mixin
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.rate_limit import gate as rate_gate
from shared.rate_limit.gate import GateLane, GateLimits, RateGate, acquire_all, read_gates
from shared.redis.client import LuaScript, connect_redis
from tests.waiting import PATIENCE_S, wait_until

SCRIPT = Path(rate_gate.__file__).with_suffix(".lua")


class Stage:
    """A clock for threads: one runs at a time, and time moves when all of them wait."""

    def __init__(self) -> None:
        self.now_s = 1_790_000_000.0
        self.stop = threading.Event()
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._idle = threading.Event()
        self._playing = False

    def now_ms(self) -> int:
        return round(self.now_s * 1000)

    def monotonic(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if not self._playing:
            self.now_s += max(0.0, seconds)
        elif not event.is_set():
            self._sleep(max(0.0, seconds))
        return event.is_set()

    def play(self, *bodies: Callable[[], object], seconds: float) -> None:
        """Run each body as a thread for `seconds`; then `stop` is set and all of them must end."""
        end_s = self.now_s + seconds
        threads = [threading.Thread(target=self._enter, args=(body,), daemon=True) for body in bodies]
        self._playing = True
        for thread in threads:
            thread.start()
            self._until_idle()
        while self._waiting:
            due_s, _, turn = heapq.heappop(self._waiting)
            if due_s > end_s:
                self.stop.set()
            self.now_s = max(self.now_s, min(due_s, end_s))
            turn.set()
            self._until_idle()
        self._playing = False
        for thread in threads:
            thread.join(timeout=PATIENCE_S)

    def _enter(self, body: Callable[[], object]) -> None:
        try:
            self._sleep(0)
            body()
        finally:
            self._idle.set()

    def _sleep(self, seconds: float) -> None:
        turn = threading.Event()
        heapq.heappush(self._waiting, (self.now_s + seconds, next(self._order), turn))
        self._idle.set()
        turn.wait()

    def _until_idle(self) -> None:
        assert self._idle.wait(timeout=PATIENCE_S), "a thread neither waits nor ends"
        self._idle.clear()


@dataclass
class Sleepy:
    """The stage's clock in a process that wakes late."""

    stage: Stage
    late_s: float

    def now_ms(self) -> int:
        return self.stage.now_ms()

    def monotonic(self) -> float:
        return self.stage.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return self.stage.wait(event, seconds + (self.late_s if seconds > 0.05 else 0.0))


class Counted(LuaScript):
    """A script that counts its round trips."""

    calls = 0

    def __call__(self, keys: Sequence[str], args: Sequence[Any], meanwhile: Callable[[], object] | None = None) -> Any:
        self.calls += 1
        return super().__call__(keys, args, meanwhile)


class Play:
    """A stage with a Redis that reads the stage's clock."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.server = fakeredis.FakeServer()
        self.redis: Redis = fakeredis.FakeRedis(server=self.server, decode_responses=True)
        self.grants: list[tuple[float, str]] = []

    @property
    def stop(self) -> threading.Event:
        return self.stage.stop

    def gate(self, name: str = "data", rate_per_s: float = 50, **limits: float) -> RateGate:
        return RateGate(self.redis, name, GateLimits(rate_per_s, **limits), clock=self.stage)  # type: ignore[arg-type] - burst is an int

    def poller(self, gate: RateGate, who: str = "wallet", lane: GateLane = GateLane.FRESH) -> Callable[[], None]:
        """Give a body that takes every turn it can get."""

        def poll() -> None:
            while gate.acquire(self.stop, lane):
                self.grants.append((self.stage.now_s, who))

        return poll

    def after(self, seconds: float, act: Callable[[], object]) -> Callable[[], None]:
        def wait_and_act() -> None:
            if not self.stage.wait(self.stop, seconds):
                act()

        return wait_and_act

    def granted(self, who: str) -> int:
        return sum(1 for _, name in self.grants if name == who)

    def between(self, start_s: float, end_s: float) -> int:
        return sum(1 for at, _ in self.grants if start_s < at < end_s)


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    built = Play()
    monkeypatch.setattr(server_mixin, "time", SimpleNamespace(time=built.stage.monotonic))
    yield built
    built.redis.close()


def worst_second(times: list[float]) -> int:
    """Count the grants of the fullest window of one second."""
    ordered = sorted(times)
    worst = start = 0
    for end, at in enumerate(ordered):
        while at - ordered[start] >= 1 - 1e-6:
            start += 1
        worst = max(worst, end - start + 1)
    return worst


@pytest.mark.parametrize("wallets", [1, 5, 20])
def test_s1_any_number_of_wallets_costs_the_target_rate(play: Play, wallets: int) -> None:
    gates = [play.gate(burst=3) for _ in range(wallets)]

    play.stage.play(*(play.poller(gate, f"wallet {i}") for i, gate in enumerate(gates)), seconds=2)

    counts = [play.granted(f"wallet {i}") for i in range(wallets)]
    assert 98 <= sum(counts) <= 103
    assert max(counts) - min(counts) <= 2


def test_s1_two_names_are_two_budgets(play: Play) -> None:
    activity, subgraph = play.gate("activity", 50), play.gate("subgraph", 10)

    play.stage.play(play.poller(activity, "activity"), play.poller(subgraph, "subgraph"), seconds=2)

    assert play.granted("activity") == pytest.approx(100, abs=2)
    assert play.granted("subgraph") == pytest.approx(20, abs=1)


@pytest.mark.slow
def test_s1_five_threads_on_one_gate_never_deadlock(play: Play) -> None:
    gate = play.gate(burst=2)

    def rough(i: int) -> Callable[[], None]:
        def poll() -> None:
            turns = 0
            while gate.acquire(play.stop, GateLane(1 + i % 4), cost=1 + turns % 2):
                play.grants.append((play.stage.now_s, f"thread {i}"))
                turns += 1
                gate.succeeded(0.05)
                if turns % 10 == i:
                    gate.throttled(0.2)

        return poll

    play.stage.play(*(rough(i) for i in range(5)), seconds=25)

    assert all(play.granted(f"thread {i}") > 0 for i in range(5))


def test_s1_a_throttle_slows_the_gate_and_success_recovers_it_by_5_percent_a_second(play: Play) -> None:
    gate = play.gate(rate_per_s=50)
    gate.acquire(play.stop)

    gate.throttled(1.0)
    slowed = gate.snapshot().factor
    factors = [slowed]
    for _ in range(12):
        play.stage.wait(play.stop, 1.0)
        gate.succeeded()
        gate.acquire(play.stop)
        factors.append(gate.snapshot().factor)

    assert slowed == 0.5
    assert factors == sorted(factors)
    assert factors[5] - factors[4] == pytest.approx(0.05, abs=0.002)
    assert factors[-1] == pytest.approx(1.0, abs=0.06)


def test_a_cold_start_is_no_burst(play: Play) -> None:
    gate = play.gate(rate_per_s=50, burst=20)

    play.stage.play(play.poller(gate), seconds=0.999)

    assert len(play.grants) <= 50


def test_a_quiet_time_earns_the_burst_and_no_more(play: Play) -> None:
    gate = play.gate(rate_per_s=10, burst=4)
    gate.acquire(play.stop)
    play.stage.wait(play.stop, 60)
    started = play.stage.now_s

    for _ in range(6):
        gate.acquire(play.stop)
        play.grants.append((play.stage.now_s - started, "caller"))

    assert [round(at, 2) for at, _ in play.grants] == [0, 0, 0, 0, 0.1, 0.2]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arrivals=st.lists(
        st.tuples(st.floats(0, 0.4), st.sampled_from(GateLane), st.floats(0, 0.15)), min_size=5, max_size=60
    ),
    burst=st.integers(1, 6),
)
@pytest.mark.slow
def test_no_second_holds_more_than_target_and_burst_whatever_comes_and_however_late_sleepers_wake(
    play: Play, arrivals: list[tuple[float, GateLane, float]], burst: int
) -> None:
    play.redis.flushall()
    play.stage.stop.clear()
    play.grants.clear()
    gate = play.gate(rate_per_s=20, burst=burst)

    def caller(at_s: float, lane: GateLane, late_s: float) -> Callable[[], None]:
        def ask() -> None:
            own = RateGate(play.redis, "data", gate.limits, clock=Sleepy(play.stage, late_s))
            play.stage.wait(play.stop, at_s)
            if own.acquire(play.stop, lane):
                play.grants.append((play.stage.now_s, lane.name))

        return ask

    times = itertools.accumulate(gap_s for gap_s, _, _ in arrivals)
    bodies = [caller(at_s, lane, late_s) for at_s, (_, lane, late_s) in zip(times, arrivals, strict=True)]
    play.stage.play(*bodies, seconds=60)

    assert len(play.grants) == len(arrivals)
    assert worst_second([at for at, _ in play.grants]) <= 20 + burst


def test_many_refusals_at_once_cut_the_rate_once(play: Play) -> None:
    gates = [play.gate() for _ in range(5)]
    for gate in gates:
        gate.acquire(play.stop)

    for gate in gates:
        gate.throttled(0.1)

    assert gates[0].snapshot().factor == 0.5
    assert gates[0].snapshot().throttled == 5


def test_a_refusal_after_the_cool_down_cuts_again_down_to_the_floor(play: Play) -> None:
    gate = play.gate(rate_per_s=50, floor_per_s=5)

    for _ in range(8):
        gate.throttled(0.1)
        play.stage.wait(play.stop, 3)

    assert gate.snapshot().rate_now_per_s == 5


def test_nobody_goes_during_a_hold_not_even_those_who_slept_for_their_slot(play: Play) -> None:
    gates = [play.gate(rate_per_s=20) for _ in range(8)]
    start = play.stage.now_s

    refuse = play.after(2.0, lambda: play.gate(rate_per_s=20).throttled(1.5))
    play.stage.play(*(play.poller(gate) for gate in gates), refuse, seconds=6)

    assert play.between(start + 2.0001, start + 3.5) == 0
    assert play.between(start + 3.5, start + 6) > 15
    assert worst_second([at for at, _ in play.grants if at > start + 3.5]) <= 11


def test_a_throttle_that_does_not_say_how_long_holds_for_the_default(play: Play) -> None:
    gate = play.gate(hold_s=2.0)

    gate.throttled()

    assert gate.snapshot().hold_s == pytest.approx(2.0)


def test_an_absurd_retry_after_is_bounded(play: Play) -> None:
    gate = play.gate(max_hold_s=60)

    gate.throttled(1e9)

    assert gate.snapshot().hold_s == pytest.approx(60)


def test_answers_that_become_slow_cut_the_rate_before_anything_is_refused(play: Play) -> None:
    gate = play.gate(rate_per_s=10)

    def calls(count: int, latency_s: float) -> None:
        for _ in range(count):
            gate.acquire(play.stop)
            gate.succeeded(latency_s)

    calls(30, 0.1)
    usual = gate.snapshot().factor
    calls(20, 3.0)

    assert usual == 1.0
    assert gate.snapshot().factor < 0.9
    assert gate.snapshot().throttled == 0


def test_an_order_passes_those_who_wait_for_catch_up(play: Play) -> None:
    gates = [play.gate(rate_per_s=10) for _ in range(10)]
    waits: list[float] = []

    def order() -> None:
        gate = play.gate(rate_per_s=10)
        while not play.stage.wait(play.stop, 0.73):
            asked = play.stage.now_s
            if gate.acquire(play.stop, GateLane.ORDERS):
                waits.append(play.stage.now_s - asked)

    play.stage.play(*(play.poller(gate, "late", GateLane.CATCHUP) for gate in gates), order, seconds=8)

    assert len(waits) >= 8
    assert max(waits) <= 0.2
    assert len(play.grants) + len(waits) == pytest.approx(80, abs=2)


@pytest.mark.slow
def test_a_lower_lane_is_never_starved(play: Play) -> None:
    busy = [play.poller(play.gate(rate_per_s=10), "order", GateLane.ORDERS) for _ in range(4)]

    play.stage.play(*busy, play.poller(play.gate(rate_per_s=10), "fresh", GateLane.FRESH), seconds=12)

    assert play.granted("fresh") >= 2
    assert play.granted("order") > 10 * play.granted("fresh")


@pytest.mark.slow
def test_a_spell_of_orders_leaves_no_debt_behind(play: Play) -> None:
    busy = [play.poller(play.gate(rate_per_s=10), "order", GateLane.ORDERS) for _ in range(4)]
    patient = [play.poller(play.gate(rate_per_s=10), "fresh", GateLane.FRESH) for _ in range(3)]
    play.stage.play(*busy, *patient, seconds=15)
    play.stop.clear()
    asked = play.stage.now_s

    play.gate(rate_per_s=10).acquire(play.stop, GateLane.CATCHUP)

    assert play.stage.now_s - asked <= 0.5


def test_after_a_hold_callers_queue_again_instead_of_hammering_redis(play: Play) -> None:
    gates = [play.gate(rate_per_s=10) for _ in range(20)]
    calls: list[Counted] = []
    for gate in gates:
        gate.script = Counted(play.redis, SCRIPT)
        calls.append(gate.script)
    start = play.stage.now_s

    refuse = play.after(1.0, lambda: play.gate(rate_per_s=10).throttled(1.0))
    play.stage.play(*(play.poller(gate) for gate in gates), refuse, seconds=12)

    assert play.between(start + 2, start + 12) >= 48
    assert sum(script.calls for script in calls) <= 4 * len(play.grants)


@pytest.mark.slow
def test_several_gates_are_taken_all_or_none(play: Play) -> None:
    route, other, host = play.gate("route", 5), play.gate("other", 20), play.gate("host", 30)

    def both(gate: RateGate, who: str) -> Callable[[], None]:
        def poll() -> None:
            while acquire_all([gate, host], play.stop):
                play.grants.append((play.stage.now_s, who))

        return poll

    play.stage.play(*(both(route, "route") for _ in range(4)), *(both(other, "other") for _ in range(4)), seconds=6)

    assert play.granted("route") == pytest.approx(30, abs=2)
    assert play.granted("other") == pytest.approx(120, abs=3)
    taken = {gate.name: gate.granted for gate in read_gates(play.redis)}
    assert taken["host"] == taken["route"] + taken["other"]


def test_opposite_orders_of_gates_do_not_deadlock_and_a_gate_given_twice_counts_once(play: Play) -> None:
    one, two = play.gate("one", 20), play.gate("two", 20)

    def taking(*gates: RateGate) -> Callable[[], None]:
        def poll() -> None:
            while acquire_all(gates, play.stop):
                play.grants.append((play.stage.now_s, "turn"))

        return poll

    play.stage.play(taking(one, two), taking(two, one, two), seconds=3)

    assert len(play.grants) == pytest.approx(60, abs=2)


def test_no_gates_is_no_limit_and_a_turn_costs_at_least_one(play: Play) -> None:
    assert acquire_all([], play.stop)
    with pytest.raises(BadConfig, match="at least 1"):
        play.gate().acquire(play.stop, cost=0)


def test_a_stop_ends_the_wait_at_once(play: Play) -> None:
    gate = RateGate(play.redis, "slow", GateLimits(0.01), clock=SystemClock())
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(gate.acquire(play.stop)))

    waiter.start()
    play.stop.set()
    waiter.join(timeout=PATIENCE_S)

    assert answers == [False]
    assert not gate.acquire(play.stop)


def test_a_server_clock_that_steps_back_an_hour_does_not_freeze_the_gate(play: Play) -> None:
    gates = [play.gate(rate_per_s=20) for _ in range(4)]
    play.stage.play(*(play.poller(gate) for gate in gates), seconds=2)
    play.stop.clear()
    play.stage.now_s -= 3600
    start = play.stage.now_s

    play.stage.play(*(play.poller(gate) for gate in gates), seconds=3)

    assert play.between(start, start + 3) == pytest.approx(60, abs=6)


@pytest.mark.slow
def test_a_clock_that_steps_back_keeps_the_rest_of_a_hold(play: Play) -> None:
    gate = play.gate()
    gate.throttled(5)
    play.stage.now_s -= 3600

    gate.acquire(threading.Event())

    assert play.between(0, 1) == 0
    assert gate.snapshot().hold_s == 0


def test_without_redis_each_process_keeps_the_floor_rate(play: Play) -> None:
    gate = play.gate(rate_per_s=50, floor_per_s=2)
    play.server.connected = False

    play.stage.play(play.poller(gate), play.poller(gate), seconds=10)

    assert len(play.grants) == pytest.approx(20, abs=1)
    assert not gate.snapshot().reachable
    assert gate.snapshot().rate_now_per_s == 2


@pytest.mark.slow
def test_when_redis_is_back_the_shared_budget_is_back_within_a_second_or_two(play: Play) -> None:
    gate = play.gate(rate_per_s=50, floor_per_s=0.1)
    play.server.connected = False
    back = play.after(5, lambda: setattr(play.server, "connected", True))
    start = play.stage.now_s

    play.stage.play(play.poller(gate), play.poller(gate), back, seconds=10)

    assert play.between(start + 7, start + 10) == pytest.approx(150, abs=5)


def test_without_redis_a_throttle_still_holds_this_process(play: Play) -> None:
    gate = play.gate(rate_per_s=50, floor_per_s=10)
    play.server.connected = False
    start = play.stage.now_s
    gate.throttled(4)

    play.stage.play(play.poller(gate), seconds=6)

    assert play.between(start, start + 4) == 0
    assert play.between(start + 4, start + 6) > 10


def test_redis_restarting_empty_is_a_cold_start_that_remembers_the_hold(play: Play) -> None:
    gate = play.gate(rate_per_s=20, burst=10)
    start = play.stage.now_s

    def lose_everything() -> None:
        gate.throttled(2)
        play.redis.flushall()

    play.stage.play(play.poller(gate), play.after(1, lose_everything), seconds=5)

    assert play.between(start + 1.001, start + 3) == 0
    assert play.between(start + 3, start + 5) == pytest.approx(40, abs=3)


def test_of_different_targets_the_lowest_of_the_last_minute_wins(play: Play) -> None:
    bold, careful = play.gate(rate_per_s=50), play.gate(rate_per_s=10)
    bold.acquire(play.stop)
    careful.acquire(play.stop)
    bold.acquire(play.stop)
    while_both = bold.snapshot().target_per_s

    for _ in range(14):
        play.stage.wait(play.stop, 5)
        bold.acquire(play.stop)

    assert while_both == 10
    assert bold.snapshot().target_per_s == 50


def test_a_cost_above_the_burst_is_saved_up_first(play: Play) -> None:
    gate = play.gate(rate_per_s=10, burst=2)
    gate.acquire(play.stop)
    play.stage.wait(play.stop, 60)
    started = play.stage.now_s

    gate.acquire(play.stop, cost=5)

    assert play.stage.now_s - started == pytest.approx(0.3, abs=0.01)


def test_read_gates_shows_every_gate_in_use(play: Play) -> None:
    play.gate("clob", 10).acquire(play.stop)
    play.gate("activity", 5, burst=2).throttled(3)
    play.gate("never.asked")

    activity, clob = read_gates(play.redis)

    assert (clob.name, clob.granted, clob.rate_now_per_s, clob.hold_s) == ("clob", 1, 10, 0)
    assert (activity.name, activity.burst, activity.factor, activity.throttled) == ("activity", 2, 0.5, 1)
    assert activity.hold_s == pytest.approx(3)
    assert play.gate("never.asked", 7).snapshot().rate_now_per_s == 7


def test_the_state_shows_how_many_wait(play: Play) -> None:
    gate = play.gate(rate_per_s=1)
    seen: list[int] = []

    look = play.after(1.5, lambda: seen.append(gate.snapshot().waiting))
    play.stage.play(*(play.poller(gate) for _ in range(4)), look, seconds=3)

    assert seen[0] == pytest.approx(4, abs=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate_per_s", 0),
        ("rate_per_s", float("nan")),
        ("burst", 0),
        ("floor_per_s", 0),
        ("cut", 1),
        ("cool_down_s", -1),
        ("hold_s", 0),
        ("max_hold_s", 1e9),
        ("recover_per_s", 0),
        ("slow_factor", 1),
        ("slow_floor_s", 0),
    ],
)
def test_a_limit_out_of_bounds_names_the_field_and_the_value(field: str, value: float) -> None:
    with pytest.raises(BadConfig, match=f"{field}={value}"):
        GateLimits(**({"rate_per_s": 10.0} | {field: value}))  # type: ignore[arg-type] - bad on purpose


def test_a_name_that_is_no_key_is_refused(play: Play) -> None:
    with pytest.raises(BadConfig, match="Gate name"):
        play.gate("Data API")


@pytest.mark.server
def test_on_a_real_server_threads_and_connections_share_one_target(valkey_url: str) -> None:
    stop, clock, times = threading.Event(), SystemClock(), list[float]()

    def poll() -> None:
        with connect_redis(valkey_url) as redis:
            gate = RateGate(redis, "data", GateLimits(100, burst=5), clock=clock)
            while gate.acquire(stop):
                times.append(clock.monotonic())
                gate.succeeded(0.01)

    threads = [threading.Thread(target=poll) for _ in range(5)]
    began = clock.monotonic()
    for thread in threads:
        thread.start()
    wait_until(lambda: len(times) >= 70, "the gate grants")
    stop.set()
    for thread in threads:
        thread.join(timeout=PATIENCE_S)
    took_s = max(times) - began

    assert not any(thread.is_alive() for thread in threads)
    assert len(times) <= 100 * took_s + 5


@pytest.mark.server
def test_on_a_real_server_a_hold_stops_sleepers_and_lanes_keep_their_order(valkey_url: str) -> None:
    stop, clock, granted = threading.Event(), SystemClock(), list[tuple[float, str]]()
    with connect_redis(valkey_url) as redis:
        gate = RateGate(redis, "data", GateLimits(1), clock=clock)  # slow, so that none is granted before the hold
        assert gate.acquire(stop)

        def ask(lane: GateLane) -> None:
            gate.acquire(stop, lane)
            granted.append((clock.monotonic(), lane.name))

        threads = [threading.Thread(target=ask, args=(GateLane.CATCHUP,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        before = clock.monotonic()
        gate.throttled(1.0)
        held_from = clock.monotonic()
        threads.append(threading.Thread(target=ask, args=(GateLane.ORDERS,)))
        threads[-1].start()
        for thread in threads:
            thread.join(timeout=PATIENCE_S)

    after = [lane for at, lane in sorted(granted) if at > held_from]
    assert len(granted) == 4
    assert not [at for at, _ in granted if held_from < at < before + 1.0]
    assert "ORDERS" in after[:2]


@pytest.mark.pitfall(31)
@pytest.mark.server
def test_redis_killed_and_restarted_leaves_the_floor_rate_then_the_shared_one(
    redis_server: EmbeddedRedis,
) -> None:
    stop, clock = threading.Event(), SystemClock()
    with connect_redis(redis_server.url) as redis:
        gate = RateGate(redis, "data", GateLimits(100, floor_per_s=5), clock=clock)
        assert gate.acquire(stop)
        redis_server.kill()

        started = clock.monotonic()
        assert gate.acquire(stop)
        assert gate.acquire(stop)
        waited = clock.monotonic() - started
        redis_server.restart()
        clock.wait(stop, 1.0)

        assert gate.acquire(stop)
        assert waited >= 0.39
        assert gate.snapshot().reachable
        assert gate.snapshot().granted == 2
