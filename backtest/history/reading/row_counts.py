"""Counts of one file's rows: what each became, and why it was left out. Pure.

Every row that comes in ends as a trade, as another kind of row, as one that was told before, or as one left out.
"""

import re
from collections import Counter

from backtest.results.source_reading import LeftOut, SourceReading
from shared.polymarket.wire.venue_times import is_millis

MOST_REASONS = 20
OTHER = "for other reasons"
_SHOWN = 240
_VALUES = re.compile(r"""'[^']*'|"[^"]*"|\b0x[0-9a-fA-F]{3,}|(?<!\w)-?\d[\d.,]*(?!\w)""")
"""Values inside a reason: rows that fail alike have one reason, and the first one's words as its example."""


class RowCounts:
    """Counts of one file; `rows` is counted where rows are read, all else where they end."""

    def __init__(self, name: str) -> None:
        self.name, self.form = name, ""
        self.rows = self.trades = self.repeated = 0
        self.kinds: Counter[str] = Counter()
        self._left_out: dict[str, list[int | str]] = {}
        self._millis = 0
        self._first_millis = ""
        self.remarks: list[str] = []

    def time(self, stamp: object) -> None:
        """Count a row whose time was sent in milliseconds."""
        if is_millis(stamp):
            self._millis += 1
            self._first_millis = self._first_millis or str(stamp)

    def leave_out(self, why: str, example: str = "", rows: int = 1) -> None:
        """Count rows that could not be used; `example` is the first one's place or words."""
        reason = " ".join(_VALUES.sub("…", why).split())[:_SHOWN]
        if reason not in self._left_out and len(self._left_out) >= MOST_REASONS:
            reason = OTHER
        known = self._left_out.setdefault(reason, [0, f"{example}: {why}"[:_SHOWN] if example else why[:_SHOWN]])
        known[0] = int(known[0]) + rows

    def use(self, kind: str) -> None:
        """Count a row that says what a leader has."""
        if kind == "TRADE":
            self.trades += 1
        else:
            self.kinds[kind] += 1

    def repeat(self, kind: str) -> None:
        """Count a row that was used as one that had been told before."""
        self.repeated += 1
        if kind == "TRADE":
            self.trades -= 1
        else:
            self.kinds[kind] -= 1
            self.kinds += Counter()  # drops what is at 0

    @property
    def unread(self) -> int:
        """Return how many rows were left out."""
        return sum(int(count) for count, _ in self._left_out.values())

    @property
    def used(self) -> bool:
        """Say whether anything at all could be read."""
        return bool(self.trades or self.kinds)

    def reading(self) -> SourceReading:
        """Return the counts as they stand now."""
        remarks = list(self.remarks)
        if self._millis:
            many = f"{self._millis} rows" if self._millis > 1 else "1 row"
            remarks.append(f"{many} with a time in milliseconds, read as such (first: {self._first_millis})")
        return SourceReading(
            name=self.name,
            form=self.form,
            rows=self.rows,
            trades=self.trades,
            kinds=dict(self.kinds.most_common()),
            repeated=self.repeated,
            left_out=tuple(
                LeftOut(reason=reason, rows=int(count), first=str(first))
                for reason, (count, first) in sorted(self._left_out.items(), key=lambda item: -int(item[1][0]))
            ),
            remarks=tuple(remarks),
        )
