"""Signals of late, by id: a second source that brings one again is not followed twice."""

MOST_SIGNALS = 50_000
"""Known when a second source brings one again."""


class RecentSignals:
    """Names of late: at least the last `most`, at most twice as many."""

    def __init__(self, most: int = MOST_SIGNALS) -> None:
        self._most = most
        self._young: set[str] = set()
        self._old: set[str] = set()

    def add_new(self, name: str) -> bool:
        """Take in a name; say whether it is new."""
        if name in self._young or name in self._old:
            return False
        self._young.add(name)
        if len(self._young) >= self._most:
            self._old, self._young = self._young, set()
        return True
