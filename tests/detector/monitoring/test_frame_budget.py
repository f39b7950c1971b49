"""Of a node that shows every transaction, matches are recorded whole and the rest as far as it fits."""

import json

from detector.monitoring.frame_budget import FrameBudget
from shared.clock import ManualClock
from tests.detector.sources.pending.match_builder import Match


def a_frame(size: int) -> str:
    return json.dumps({"params": {"result": {"input": "0xa9059cbb" + "0" * size}}})


def test_others_are_kept_until_the_second_is_full_and_again_in_the_next() -> None:
    clock = ManualClock(0)
    budget = FrameBudget("node-1", clock, most_per_s=1_000)

    kept = [budget.keeps(a_frame(200)) for _ in range(6)]
    clock.advance(1.0)

    assert kept == [True, True, True, True, False, False]
    assert budget.keeps(a_frame(200))


def test_a_match_is_always_kept() -> None:
    budget = FrameBudget("node-1", ManualClock(0), most_per_s=0)
    match = json.dumps({"params": {"result": Match().node_json}})

    assert budget.keeps(match)
    assert not budget.keeps(a_frame(1))


def test_hashes_are_small_enough_to_be_kept() -> None:
    budget = FrameBudget("node-1", ManualClock(0))
    hashes = [json.dumps({"params": {"result": "0x" + "ab" * 32}}) for _ in range(100)]

    assert all(map(budget.keeps, hashes))
