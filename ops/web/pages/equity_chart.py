"""The line of equity: as points for the chart, and as a plain drawing where no script runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.messages.account import EquityPoint

WIDTH, HEIGHT = 720, 180


@dataclass(frozen=True)
class ChartShape:
    """A drawing: the points of its line, its lowest and highest amount, and the times of its ends."""

    points: str
    low: int
    high: int
    from_ms: int
    to_ms: int


def chart_points(line: Sequence[EquityPoint]) -> list[list[float | int | None]]:
    """Return columns: seconds, equity (None where nobody knows), what was deposited."""
    return [
        [point.at_ms / 1000 for point in line],
        [None if point.equity is None else int(point.equity) for point in line],
        [int(point.deposited) for point in line],
    ]


def chart_shape(line: Sequence[EquityPoint]) -> ChartShape | None:
    """Return the drawing of a line; None of fewer than two known points."""
    known = [(point.at_ms, int(point.equity)) for point in line if point.equity is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    low, high = min(amount for _, amount in known), max(amount for _, amount in known)
    first, last = known[0][0], known[-1][0]
    across, up = max(1, last - first), max(1, high - low)
    points = " ".join(
        f"{WIDTH * (at - first) / across:.1f},{HEIGHT - (HEIGHT - 8) * (amount - low) / up - 4:.1f}"
        for at, amount in known
    )
    return ChartShape(points, low, high, first, last)
