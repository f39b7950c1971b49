"""Feeds of own trades: a silent one, and one that tells what a test lets it."""

from collections.abc import Sequence
from typing import Any


class Silence:
    """A feed without news."""

    def wait(self, seconds: float) -> bool:
        del seconds
        return False

    def trades(self) -> Sequence[Any]:
        return ()

    def covers(self, since_ms: int) -> bool:
        del since_ms
        return False

    def close(self) -> None:
        pass


class Told(Silence):
    """A feed that stands, and tells what a test lets it."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def tell(self, name: str) -> None:
        self.rows.append({"id": f"t-{name}", "name": name})

    def trades(self) -> Sequence[Any]:
        rows, self.rows = self.rows, []
        return rows

    def covers(self, since_ms: int) -> bool:
        del since_ms
        return True
