"""Long tests begin first, one with each worker, and none is lost."""

from hypothesis import given
from hypothesis import strategies as st

from tests.running.longest_first import deal_longest


def test_each_worker_begins_with_one_of_the_longest() -> None:
    seconds = [("a", 0.0), ("b", 0.0), ("ten", 10.0), ("c", 0.0), ("d", 0.0), ("thirty", 30.0), ("e", 0.0)]

    assert deal_longest(seconds, 2) == ["thirty", "a", "b", "ten", "c", "d", "e"]


@given(st.lists(st.sampled_from([0.0, 0.0, 0.0, 5.0, 20.0])), st.integers(1, 8))
def test_every_test_is_there_once_and_the_short_ones_keep_their_order(seconds: list[float], workers: int) -> None:
    dealt = deal_longest(list(enumerate(seconds)), workers)

    assert sorted(dealt) == list(range(len(seconds)))
    short = [number for number in dealt if not seconds[number]]
    assert short == sorted(short)
