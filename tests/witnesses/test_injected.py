"""Each fault that venue and product once shared is caught by a witness from outside."""

from pathlib import Path

import pytest

from benchmarks.injected import complaints
from benchmarks.rigs.injected.faults import FAULTS


@pytest.mark.process
@pytest.mark.simulator
@pytest.mark.sdk
@pytest.mark.real_data
@pytest.mark.takes(6)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_put_in_on_purpose_is_caught_and_its_absence_is_not(name: str, real_data: Path) -> None:
    healthy, ill = complaints(name, real_data)

    assert healthy == []
    assert ill != []


def test_the_four_faults_of_one_afternoon_are_among_them() -> None:
    assert {"fee left in the price", "6 decimals", "missing cursor", "shares rounded up"} <= {
        fault.what for fault in FAULTS.values()
    }
