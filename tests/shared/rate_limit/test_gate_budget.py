"""One budget for any number of callers: target and burst hold, whoever asks and however late they wake."""

import itertools
import threading
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.clock import SystemClock
from shared.rate_limit.gate import GateLane, GateLimits, RateGate
from tests.shared.rate_limit.gate_stage import Play, Sleepy, worst_second
from tests.waiting import PATIENCE_S


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


def test_a_stop_ends_the_wait_at_once(play: Play) -> None:
    gate = RateGate(play.redis, "slow", GateLimits(0.01), clock=SystemClock())
    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(gate.acquire(play.stop)))

    waiter.start()
    play.stop.set()
    waiter.join(timeout=PATIENCE_S)

    assert answers == [False]
    assert not gate.acquire(play.stop)


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
