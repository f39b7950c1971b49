"""The gate slows down when the upstream does or says so, holds for as long as it was told, and recovers by itself."""

import pytest

from tests.shared.rate_limit.gate_stage import SCRIPT, Counted, Play, worst_second


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
