"""What was made of a part is made once while it is asked for again and again, and never taken for another's."""

from hypothesis import given
from hypothesis import strategies as st

from shared.messages.recently_made import PLACES, RecentlyMade


def test_a_part_that_is_asked_for_again_is_made_once() -> None:
    asked: list[object] = []
    made, part = RecentlyMade(asked.append), object()

    made(part)
    made(part)

    assert asked == [part]


@given(st.lists(st.integers(0, 3 * PLACES)))
def test_whatever_was_asked_before_each_part_has_its_own(order: list[int]) -> None:
    parts = [[number] for number in range(3 * PLACES + 1)]
    made: RecentlyMade[int] = RecentlyMade(lambda part: part[0])

    assert [made(parts[number]) for number in order] == order


def test_equal_parts_are_told_apart() -> None:
    made: RecentlyMade[list[int]] = RecentlyMade(list)
    first, second = [1], [1]

    assert made(first) is not made(second)
