"""Orders pass those who can wait, and no lane is starved."""

import pytest

from shared.rate_limit.gate import GateLane
from tests.shared.rate_limit.gate_stage import Play


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
