"""What a file of a history held, and what became of each of its rows. Pure."""

from collections.abc import Sequence

from pydantic import BaseModel


class LeftOut(BaseModel, frozen=True, extra="forbid"):
    """Rows that were left out for one reason; `first` is the first one's own words."""

    reason: str
    rows: int
    first: str

    @property
    def words(self) -> str:
        """Return the reason with the first row's own words, where these say more."""
        place, _, said = self.first.partition(": ")
        return f"{self.reason} (first: {place if said == self.reason else self.first})"


class SourceReading(BaseModel, frozen=True, extra="forbid"):
    """One file: `rows` = `trades` + all `kinds` + `repeated` + all that was `left_out`.

    `form` is what the file was recognised as. `kinds` are rows that are no trades (REDEEM, MERGE, REWARD), `repeated`
    those that another file, page or block had told already.
    """

    name: str
    form: str
    rows: int
    trades: int
    kinds: dict[str, int] = {}
    repeated: int = 0
    left_out: tuple[LeftOut, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def unread(self) -> int:
        """Return how many rows were left out."""
        return sum(part.rows for part in self.left_out)

    @property
    def words(self) -> str:
        """Return the account of its rows in one line."""
        parts = [f"{self.trades:,} trades", *(f"{count:,} {kind}" for kind, count in self.kinds.items())]
        if self.repeated:
            parts.append(f"{self.repeated:,} told before, counted once")
        if self.unread:
            parts.append(f"{self.unread:,} left out")
        return f"{self.name} ({self.form or 'nothing'}): {self.rows:,} rows = {' + '.join(parts)}"


def reading_lines(readings: Sequence[SourceReading]) -> list[str]:
    """Return what was read, file by file, with each reason why rows were left out."""
    lines: list[str] = []
    for reading in readings:
        lines.append(reading.words)
        lines += [f"left out: {part.rows:,} · {part.words}" for part in reading.left_out]
        lines += [f"{reading.name}: {remark}" for remark in reading.remarks]
    return lines
