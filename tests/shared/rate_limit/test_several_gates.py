"""Several gates are taken together, all or none."""

from collections.abc import Callable

import pytest

from shared.domain.errors import BadConfig
from shared.rate_limit.gate import RateGate, acquire_all, read_gates
from tests.shared.rate_limit.gate_stage import Play


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
