"""What was made of parts a moment ago: several threads write events that hold the same ones. Pure but for that."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

M = TypeVar("M")
PLACES = 61
"""Parts that are remembered: more than orders of a round; prime, as objects stand at even distances."""


class RecentlyMade(Generic[M]):
    """Calls `make` once for a part that is asked for again soon, by whichever thread; parts never change."""

    def __init__(self, make: Callable[[Any], M]) -> None:
        self._make = make
        self._places: list[tuple[Any, M] | None] = [None] * PLACES

    def __call__(self, part: Any) -> M:  # noqa: ANN401 - any value
        """Return what is made of a part."""
        place = id(part) % PLACES
        known = self._places[place]  # part and what was made of it at once: other threads write, too
        if known is None or known[0] is not part:
            known = self._places[place] = (part, self._make(part))
        return known[1]
