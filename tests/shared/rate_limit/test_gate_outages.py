"""Without Redis, or with a clock that steps back, the gate stays careful and never freezes."""

import threading

import pytest

from tests.shared.rate_limit.gate_stage import Play


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
