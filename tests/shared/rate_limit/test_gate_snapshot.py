"""The state of every gate in use can be read: its rate, its hold, and how many wait."""

import pytest

from shared.rate_limit.gate import read_gates
from tests.shared.rate_limit.gate_stage import Play


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
