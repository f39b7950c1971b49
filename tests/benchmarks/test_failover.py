"""The benchmark of fail-overs, from end to end once: a primary dies under a detector and a live buyer."""

import json

import pytest

from benchmarks import failover

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.takes(40)]


@pytest.mark.pitfall(50)
def test_a_primary_that_dies_under_load_costs_no_fill_and_no_order_twice(capsys: pytest.CaptureFixture[str]) -> None:
    code = failover.main(["--kills", "1", "--durability", "replicated", "--no-behind"])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, found["holds"]) == (0, True)
    assert [found[name] for name in failover.ZEROS] == [0] * len(failover.ZEROS)
    assert found["fills"] > 0
    assert found["steps_lost"] == 0


def test_a_slot_that_is_migrated_key_by_key_under_load_costs_no_fill_and_no_order_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = failover.main(["--cluster", "--kills", "0", "--moves", "1"])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, found["holds"], found["moves"]) == (0, True, 1)
    assert [found[name] for name in failover.ZEROS] == [0] * len(failover.ZEROS)
    assert found["fills"] > 0
