"""Signals that wait for an order to end: those of one token, or of one lot, stay in their order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class _Waiting(Generic[T]):
    item: T
    passable: bool


class TokenBacklog(Generic[T]):
    """Items by line (a token, or a lot of it), each once by its id. Several threads may put; one takes."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, _Waiting[T]]] = {}

    def __len__(self) -> int:
        """Count what waits."""
        return sum(map(len, self._items.values()))

    def holds(self, line: str) -> bool:
        """Say whether something waits in this line that lets nobody pass: what comes later goes behind it."""
        return any(not one.passable for one in list(self._items.get(line, {}).values()))

    def put(self, line: str, name: str, item: T, *, passable: bool = False) -> None:
        """Let an item wait behind those of its line; what is `passable` may be overtaken."""
        self._items.setdefault(line, {})[name] = _Waiting(item, passable)

    def retry(self, take: Callable[[T], None]) -> None:
        """Hand everything to `take`, each line's in their order; what it did not get done waits on if it fails."""
        waiting, self._items = self._items, {}
        left = [(line, name, one) for line, items in waiting.items() for name, one in items.items()]
        done = 0
        try:
            for _, _, one in left:
                take(one.item)
                done += 1
        finally:
            for line, name, one in left[done:]:
                self.put(line, name, one.item, passable=one.passable)
