"""Rows of a file that are no trades or could not be read: counted, with the first one's reason. Pure."""

from collections import Counter

from shared.polymarket.wire.venue_times import is_millis


class SkippedRows:
    """Counts of one file."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._problems = 0
        self._first = ""
        self._millis = 0
        self._first_millis = ""

    def time(self, stamp: object) -> None:
        """Count a row whose time was sent in milliseconds."""
        if is_millis(stamp):
            self._millis += 1
            self._first_millis = self._first_millis or str(stamp)

    @property
    def remarks(self) -> str:
        """Return what was read otherwise than it says."""
        rows = f"{self._millis} rows" if self._millis > 1 else "1 row"
        return f"{rows} with a time in milliseconds, read as such (first: {self._first_millis})" if self._millis else ""

    def skip(self, what: str, rows: int = 1) -> None:
        """Count rows that are fine and no trades."""
        self._counts[what] += rows

    def problem(self, why: str) -> None:
        """Count a row that could not be read."""
        self._problems += 1
        self._first = self._first or why[:200]

    def counted(self) -> tuple[int, int]:
        """Return how many rows were no trades, and how many could not be read."""
        return self._counts.total(), self._problems

    def __str__(self) -> str:
        said = [f"{count} {what}" for what, count in self._counts.most_common()]
        if self._problems:
            said.append(f"{self._problems} unreadable (first: {self._first})")
        return ", ".join(said)
