"""The equity curve of a run of any length in bounded memory: when it is full, every other point goes. Pure."""

from backtest.results.result import EquityPoint

MOST_POINTS = 2000


class EquityCurve:
    """Points at least `step_ms` apart, the first and the last always; the drawdown is of every value seen."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        self._most, self._step_ms = most, 1
        self._points: list[EquityPoint] = []
        self._last: EquityPoint | None = None
        self._highest = 0
        self.drawdown = self.most_locked = 0

    def add_point(self, point: EquityPoint) -> None:
        """Take in the account as it stands now."""
        equity, self._last = point.equity, point
        if equity > self._highest:
            self._highest = equity
        elif self._highest - equity > self.drawdown:
            self.drawdown = self._highest - equity
        self.most_locked = max(self.most_locked, point.cost)
        if not self._points or point.at_ms - self._points[-1].at_ms >= self._step_ms:
            self._points.append(point)
            if len(self._points) > self._most:
                self._thin()

    def points(self) -> tuple[EquityPoint, ...]:
        """Return the kept points and the last one."""
        if self._last is None or self._points[-1] == self._last:
            return tuple(self._points)
        return (*self._points, self._last)

    def _thin(self) -> None:
        span = self._points[-1].at_ms - self._points[0].at_ms
        self._step_ms = max(2 * self._step_ms, 2 * span // self._most)
        kept = self._points[:1]
        for point in self._points[1:]:
            if point.at_ms - kept[-1].at_ms >= self._step_ms:
                kept.append(point)
        self._points = kept
