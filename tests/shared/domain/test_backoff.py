"""Waits that grow with each failure in a row, up to a longest one."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.backoff import Backoff, SteppedBackoff


def test_waits_double_up_to_the_longest() -> None:
    assert list(islice(Backoff(0.5, 30.0).waits(), 8)) == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_waits_grow_by_their_own_factor() -> None:
    assert [Backoff(1.0, 100.0, factor=3.0).wait_s(n) for n in range(6)] == [1, 3, 9, 27, 81, 100]


@given(earlier=st.integers(0, 10**30))
def test_any_count_of_failures_has_a_wait_within_the_bounds(earlier: int) -> None:
    assert 0.5 <= Backoff(0.5, 30.0).wait_s(earlier) <= 30


@pytest.mark.parametrize(("earlier", "wait_s"), [(0, 0.5), (1, 1.0), (3, 15.0), (99, 15.0)])
def test_listed_waits_are_taken_one_by_one_and_the_last_one_stays(earlier: int, wait_s: float) -> None:
    assert SteppedBackoff((0.5, 1.0, 5.0, 15.0)).wait_s(earlier) == wait_s
