"""Signals that wait for an order to end: those of one token stay in their order."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class TokenBacklog(Generic[T]):
    """Items by token, each once by its id. Several threads may put; one takes."""

    def __init__(self) -> None:
        self._items: dict[str, dict[str, T]] = {}

    def __len__(self) -> int:
        """Count what waits."""
        return sum(map(len, self._items.values()))

    def holds(self, token_id: str) -> bool:
        """Say whether something of this token waits: what comes later goes behind it."""
        return token_id in self._items

    def put(self, token_id: str, name: str, item: T) -> None:
        """Let an item wait behind those of its token."""
        self._items.setdefault(token_id, {})[name] = item

    def retry(self, take: Callable[[T], None]) -> None:
        """Hand everything to `take`, each token's in their order; what it did not get done waits on if it fails."""
        waiting, self._items = self._items, {}
        left = [(token, name, item) for token, items in waiting.items() for name, item in items.items()]
        done = 0
        try:
            for _, _, item in left:
                take(item)
                done += 1
        finally:
            for token, name, item in left[done:]:
                self.put(token, name, item)
