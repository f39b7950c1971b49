"""The longest tests first, so that none of them begins when all others are done.

Each worker of pytest-xdist (`--dist worksteal`) begins with a part of the list of its own: equal runs of it, in order.
The longest are dealt out to the beginnings of these parts; everything else stays where it was, beside its module's.
"""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def deal_longest(seconds: Sequence[tuple[Item, float]], workers: int) -> list[Item]:
    """Return the items in the order in which `workers` begin with the longest of them.

    Args:
        seconds: Each item and what it takes, waits included; 0 for those that nobody marked.
        workers: How many share the list.
    """
    longest = [item for item, takes in sorted(seconds, key=lambda each: -each[1]) if takes]
    others = (item for item, takes in seconds if not takes)
    dealt: list[Item] = []
    for worker in range(workers):
        own = longest[worker::workers]
        size = (len(seconds) - len(dealt)) // (workers - worker)
        dealt += own + list(islice(others, max(0, size - len(own))))
    return dealt + list(others)
